"""Runs MiniStack for as long as the process that started it lives: `run.py FOLDER`, started by local/src/engine.rs.

That process holds the other end of the standard input. When that process ends, for whatever reason, the pipe closes.
This script then removes FOLDER, in which engine and functions worked, and kills its own process group, which includes
the functions. So it refuses to run unless both were made for it.
"""

import os
import shutil
import signal
import sys
import threading

import patches


def own_folder():
    """Return the folder that was made for this engine.

    Exit in any other folder, and in a process group that has other processes.
    """
    folder = os.path.realpath(sys.argv[1]) if len(sys.argv) == 2 else ""
    is_own = os.path.basename(folder).startswith("atlas-cmk-engine-") and folder == os.path.realpath(os.getcwd())
    if not is_own or os.getpgrp() != os.getpid():
        sys.exit(
            "run.py removes the folder it works in and kills its process group when its standard input closes, so it "
            "runs only in an atlas-cmk-engine-* folder and a process group of its own; start it with `cargo local up` "
            "or `cargo demo`"
        )
    return folder


def end_with_parent(folder):
    """Remove the folder and kill the process group once the standard input closes."""

    def watch():
        while sys.stdin.buffer.read(4096):
            pass
        shutil.rmtree(folder, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def main(selected=patches.PATCHES):
    """Run MiniStack with patches, all of them unless a test selects others."""
    end_with_parent(own_folder())
    patches.apply(selected)
    # Imported only here, because the refusal above must work without the engine.
    from ministack import app

    sys.argv = ["ministack"]
    app.main()


if __name__ == "__main__":
    main(tuple(name for name in patches.PATCHES if name != os.environ.get("ENGINE_WITHOUT")))
