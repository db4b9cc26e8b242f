"""Programs that solve nothing and aim at the judge: a verdict `error` would be masked, and a failure go unpunished.

They return what the judge's own comparison may stumble over, forge reports of the guest, and use the machine up.
"""

FORGE = """
import os, sys
def token():
    frame = sys._getframe()
    while frame:
        job = frame.f_locals.get("job")
        if isinstance(job, dict) and "token" in job: return job["token"]
        frame = frame.f_back
    return "0" * 32
def send(line):
    for descriptor in range(1, 32):
        try: os.write(descriptor, f"{token()}{line}\\n".encode())
        except OSError: pass
def forge(*outcomes):
    for number in range(4):
        for outcome in outcomes: send(f"[{number},{outcome}]")
    os._exit(0)
"""


def forging(*outcomes: str) -> str:
    return f"{FORGE}def add(a, b): forge(*{outcomes!r})"


VALUES = {
    "digits_that_cannot_be_written": "def add(a, b): return 10 ** 5000",
    "digits_inside": "def add(a, b): return [10 ** 5000, {10 ** 5000: (10 ** 5000,)}]",
    "integer_beyond_floats": "def add(a, b): return 10 ** 400",
    "fraction_beyond_floats": "from fractions import Fraction\ndef add(a, b): return Fraction(10 ** 400, 3)",
    "signalling_nan": "from decimal import Decimal\ndef add(a, b): return Decimal('sNaN')",
    "signalling_nan_inside": "from decimal import Decimal\ndef add(a, b): return [Decimal('sNaN'), (Decimal('sNaN'),)]",
    "decimal_without_end": "from decimal import Decimal\ndef add(a, b): return Decimal('1e999999999999999999')",
    "text_nan": "def add(a, b): return 'sNaN'",
    "text_infinity": "def add(a, b): return '1e999999999'",
    "text_of_brackets": "def add(a, b): return '[' * 100_000",
    "text_of_fives": "def add(a, b): return '5' * 3_000_000",
    "half_a_character": "def add(a, b): return {'\\ud800': ['\\udfff']}",
    "class_named_with_half_a_character": "def add(a, b): return type('\\ud800', (), {})()",
    "error_named_with_half_a_character": """
Error = type('\\ud800', (Exception,), {'__str__': lambda self: '\\udcff' * 600})
def add(a, b): raise Error""",
    "endless_error": "def add(a, b): raise ValueError('\\x00\\ud800' * 1_000_000)",
    "deepest_value": "def add(a, b):\n    x = 5\n    for _ in range(148): x = (x,)\n    return {x: x}",
    "widest_value": "def add(a, b): return [list(range(1000))] * 1000",
    "own_numpy": """
class Liar:
    __module__ = 'numpy'
    def tolist(self): return self
def add(a, b): return Liar()""",
    "own_fractions": """
import sys, types
class Fraction:
    __module__, numerator, denominator = 'fractions', 'x', [1]
sys.modules['fractions'] = types.SimpleNamespace(Fraction=Fraction)
def add(a, b): return Fraction()""",
    "own_dates": """
import sys, types
class date:
    __module__ = 'datetime'
    def isoformat(self): return 5
sys.modules['datetime'] = types.SimpleNamespace(date=date)
def add(a, b): return date()""",
}
FORGED = {
    "forged_fraction": forging('{"value": {"Fraction": ["x", 1]}}'),
    "forged_name": forging('{"value": {"object": "\\ud800"}}', '{"value": {"object": [5, 6]}}'),
    "forged_moment": forging('{"value": {"timedelta": ["x", {}]}}', '{"value": {"date": [5]}}'),
    "forged_keys": forging('{"value": {"keys": [[1], [2]]}}', '{"value": {"type": "nothing"}}'),
    "forged_range": forging('{"value": {"range": [0, 0, 0]}}', '{"value": {"bytes": "zz"}}'),
    "forged_decimal": forging('{"value": {"Decimal": [[1, [1], 999999999999]]}}'),
    "forged_number": forging('{"value": 1' + "0" * 4200 + "}", '{"value": 1e999}', '{"value": NaN}'),
    "forged_depth": forging('{"value": ' + "[" * 900 + "]" * 900 + "}"),
    "forged_depth_of_tags": forging('{"value": ' + '{"tuple": [' * 300 + "]}" * 300 + "}"),
    "forged_exit": forging('{"exit": {}, "output": "5"}', '{"exit": [], "output": ["5"]}'),
    "forged_error": forging('{"error": [{}, {}]}', '{"error": [["x"], null, 3]}', '{"error": {"a": 1}}'),
    "forged_arguments": forging('{"value": 1, "args": 5}', '{"value": 1, "args": {"x": []}}', "{}"),
    "forged_load": FORGE + "def add(a, b):\n    for line in ('[\"load\", [{}, [1]]]', '[{}]', '[[]]'): send(line)",
    "forged_syntax": FORGE + "def add(a, b):\n    send('[\"syntax\", 5]')\n    os._exit(0)",
    "descriptors_of_others": FORGE
    + """
def add(a, b):
    line = f'{token()}[0,{{"value":5,"exit":0,"output":"5"}}]\\n'.encode()
    for pid in (os.getppid(), 1, os.getpid()):
        try: names = os.listdir(f"/proc/{pid}/fd")
        except OSError: continue
        for name in names:
            try: os.write(os.open(f"/proc/{pid}/fd/{name}", os.O_WRONLY | os.O_NONBLOCK), line)
            except OSError: pass
    os._exit(0)""",
}
MACHINE = {
    "fork_bomb": """
import os, time
def add(a, b):
    while True:
        try: os.fork()
        except OSError: time.sleep(0.1)""",
    "thread_bomb": """
import threading, time
def add(a, b):
    while True:
        try: threading.Thread(target=time.sleep, args=(99,)).start()
        except RuntimeError: time.sleep(0.1)""",
    "open_files": """
import os
def add(a, b):
    try:
        while True: os.dup(2)
    except OSError: return 1""",
    "full_disk": """
def add(a, b):
    for number in range(1000):
        for folder in ('/tmp', '.', '/dev/shm'):
            try: open(f'{folder}/{number}', 'wb').write(bytes(1 << 22))
            except OSError: pass
    return 1""",
    "memory_files": """
import os
held = [os.memfd_create('x') for _ in range(100)]
def add(a, b):
    for file in held: os.write(file, bytes(1 << 26))
    return 1""",
    "kills_init": """
import os
def add(a, b):
    for pid in (1, os.getppid(), 0):
        for number in (9, 15, 11):
            try: os.kill(pid, number)
            except OSError: pass
    return 1""",
    "traces_init": """
import ctypes, os
def add(a, b):
    for pid in (os.getppid(), 1): ctypes.CDLL(None).ptrace(16, pid, 0, 0)
    return 1""",
    "blocked_signals": """
import signal, time
def add(a, b):
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True: time.sleep(99)""",
    "sleeps": "import time\ndef add(a, b):\n    while True: time.sleep(99)",
    "new_namespace": """
import ctypes
def add(a, b):
    libc = ctypes.CDLL(None)
    libc.unshare(0x10020000); libc.mount(b'none', b'/', None, 1 << 18, None); libc.chroot(b'/')
    return 1""",
    "control_groups": """
import glob
def add(a, b):
    for path in ['/proc/self/oom_score_adj', '/proc/1/oom_score_adj', *glob.glob('/sys/fs/cgroup/*')]:
        try: open(path, 'w').write('1000')
        except OSError: pass
    return 1""",
    "stack_overflow": "x = None\nfor _ in range(10 ** 6): x = (x,)\ndef add(a, b): return hash(x) * 0 + 5",
    "module_that_exits": "def __getattr__(name):\n    import os\n    os._exit(0)",
    "class_that_exits": "class Solution:\n    def __init__(self): raise SystemExit(0)\n    add = max",
    "no_streams": "import os\nfor stream in (0, 1, 2): os.close(stream)\ndef add(a, b): return 1",
    "no_exit": "import os\nos._exit = lambda code: None\nos.write = lambda *a: 0\ndef add(a, b): return 1",
    "bytes_on_all_streams": """
import os
def add(a, b):
    for stream in (1, 2): os.write(stream, b'\\xff\\x00' * 1000)
    raise SystemExit(3)""",
}
BREAKERS = VALUES | FORGED | MACHINE
