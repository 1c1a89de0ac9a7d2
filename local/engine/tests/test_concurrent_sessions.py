"""Two sessions are registered at the same time.

The scheduler decides when two threads meet, so the probe makes them meet: in a table of sessions that registers another
session from a second thread while the engine walks through it.
"""

from tests import probes

SCRIPT = """
import threading
from ministack.services import sts

class Sessions(dict):
    def items(self):
        for item in super().items():
            if not other.ident:
                other.start()
                other.join(timeout=1)
            yield item

other = threading.Thread(target=sts.register_session, args=("other", {}))
sts._sessions = Sessions(earlier={})
try:
    sts.register_session("first", {})
except RuntimeError as error:
    print(error)
else:
    other.join()
    print(sorted(sts._sessions))
"""


class ConcurrentSessionsTest(probes.ProcessTest):
    script = SCRIPT
    unpatched = "dictionary changed size during iteration"
    patched = "['earlier', 'first', 'other']"
