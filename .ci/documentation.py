"""Checks what people read.

Every link of every page leads somewhere. Words that a native speaker would not use there do not become more:
`.ci/words` holds how many of them there are, and the number only falls: whoever removes some lowers it. No line is
wider than 140 columns, but in events, which are as others send them.
"""

import re
import subprocess
import sys
from pathlib import Path

# Each has a better word of the field: reported, returned, fix, again, repaired, monitor, created by atlas-cmk, allows,
# entry step, take-down.
WORDS = re.compile(
    r"\b(told|tells?|mend(?:s|ed|ing)?|anew|puts? right|looks? after|looked after|made here|lets? (?:\w+ )?in|doors?"
    r"|way back)\b",
    re.IGNORECASE,
)
LIMIT = Path(".ci/words")
WIDTH = 140
NARROW = (".rs", ".json", ".yaml", ".yml", ".py", ".toml", ".md")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def tracked():
    """The files that git tracks."""
    names = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout.split("\0")
    return [Path(name) for name in names if name and Path(name).is_file()]


def words(files):
    """How often each file has one of the words. Lock files and this script do not count."""
    counts = {}
    for file in files:
        if file.suffix == ".lock" or file == Path(".ci/documentation.py"):
            continue
        try:
            found = WORDS.findall(file.read_text())
        except UnicodeDecodeError:
            continue
        if found:
            counts[file] = len(found)
    return counts


def wide_lines(files):
    """The lines that are too wide to be read side by side. Tables of pages cannot be wrapped."""
    for file in files:
        if file.suffix not in NARROW or file.is_relative_to("events"):
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if len(line) > WIDTH and not line.startswith("|"):
                yield f"{file}:{number} has {len(line)} columns, {len(line) - WIDTH} more than {WIDTH}"


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    made, seen = set(), {}
    text = CODE.sub(lambda m: m.group(0).strip("`") if "\n" not in m.group(0) else "", page.read_text())
    for heading in re.findall(r"^#+ +(.+?) *$", text, re.M):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        seen[slug] = seen.get(slug, -1) + 1
        made.add(slug if seen[slug] == 0 else f"{slug}-{seen[slug]}")
    return made


def broken_links(pages):
    """The problems of links that lead nowhere."""
    for page in pages:
        for link in LINK.findall(CODE.sub("", page.read_text())):
            if re.match(r"https?://|mailto:", link):
                continue
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            if not target.exists():
                yield f"{page}: {link} leads to no file"
            elif anchor and target.suffix == ".md" and anchor not in anchors(target):
                yield f"{page}: {link} leads to no heading"


def main():
    """Print a summary, and exit with the problems."""
    files = tracked()
    problems = list(broken_links([file for file in files if file.suffix == ".md"]))
    problems += wide_lines(files)
    counts = words(files)
    found, limit = sum(counts.values()), int(LIMIT.read_text())
    print(f"links and widths: {'wrong' if problems else 'ok'}; words: {found} of at most {limit}")
    if found > limit:
        most = ", ".join(f"{file} {count}" for file, count in sorted(counts.items(), key=lambda it: -it[1])[:10])
        problems.append(
            f"there are {found} words that a native speaker would not use, and {limit} are allowed; most in {most}"
        )
    if found < limit:
        problems.append(
            f"there are fewer words that a native speaker would not use: write {found} into {LIMIT}, so that they stay "
            "fewer"
        )
    sys.exit("\n".join(problems) or None)


if __name__ == "__main__":
    main()
