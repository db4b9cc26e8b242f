"""The filter, run by a small BPF machine here: which calls pass, which are refused with what, and what kills."""

import errno

import pytest

from sandbox.process import seccomp

X86_64, I386 = 0xC000_003E, 0x4000_0003
ALLOW, KILL, REFUSE = "allow", "kill", "refuse"


def verdict(
    number: int,
    arguments: tuple[int, ...] = (),
    arch: int = X86_64,
    *,
    groups: bool = True,
    births: int | None = None,
) -> tuple[str, int]:
    """What the filter says of one call."""
    data = {0: number, 4: arch}
    for index, value in enumerate(arguments):
        data |= {16 + 8 * index: value & 0xFFFF_FFFF, 20 + 8 * index: value >> 32 & 0xFFFF_FFFF}
    program, at, value = seccomp.program(groups, births), 0, 0
    while True:
        code, yes, no, operand = program[at]
        at += 1
        if code == 0x20:
            value = data.get(operand, 0)
        elif code == 0x54:
            value &= operand
        elif code == 0x06:
            action = {0x7FFF_0000: ALLOW, 0x8000_0000: KILL}.get(operand, REFUSE)
            return action, operand & 0xFFFF if action == REFUSE else 0
        else:
            true = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
            at += yes if true else no


def test_exactly_the_listed_calls_pass() -> None:
    by_argument = {call.number for call in seccomp.BY_ARGUMENT.values()}
    passing = {number for number in range(600) if verdict(number) == (ALLOW, 0)}
    assert passing - by_argument == set(seccomp.ALLOWED.values()) - by_argument


@pytest.mark.parametrize("name", ["read", "execve", "futex", "openat", "exit_group", "epoll_wait", "getrandom"])
def test_ordinary_calls_pass(name: str) -> None:
    assert verdict(seccomp.ALLOWED[name]) == (ALLOW, 0)


@pytest.mark.parametrize("number", [101, 165, 155, 272, 308, 250, 321, 425, 304, 29, 253, 317, 430, 442])
def test_dangerous_calls_are_refused(number: int) -> None:
    assert verdict(number) == (REFUSE, errno.EPERM)


@pytest.mark.parametrize("number", [435, 453, 470, 999])
def test_calls_newer_than_the_list_look_missing(number: int) -> None:
    assert verdict(number) == (REFUSE, errno.ENOSYS)


@pytest.mark.parametrize("number", [162, 306, 74, 75, 26])
def test_sync_does_nothing_and_succeeds(number: int) -> None:
    assert verdict(number) == (REFUSE, 0)


def test_foreign_abis_kill() -> None:
    assert verdict(20, arch=I386) == (KILL, 0)
    assert verdict(0x4000_0000 + 39) == (KILL, 0)


@pytest.mark.parametrize(
    ("number", "arguments", "expected"),
    [
        (41, (1,), (ALLOW, 0)),
        (41, (2,), (REFUSE, errno.EAFNOSUPPORT)),
        (41, (40,), (REFUSE, errno.EAFNOSUPPORT)),
        (53, (1,), (ALLOW, 0)),
        (53, (16,), (REFUSE, errno.EAFNOSUPPORT)),
        (56, (0x11,), (ALLOW, 0)),
        (56, (0x3D0F00,), (ALLOW, 0)),
        (56, (0x1000_0011,), (REFUSE, errno.EPERM)),
        (56, (0x411,), (REFUSE, errno.EPERM)),
        (56, (0x103D_0F00,), (REFUSE, errno.EPERM)),
        (28, (0, 4096, 4), (ALLOW, 0)),
        (28, (0, 4096, 20), (REFUSE, errno.EINVAL)),
        (28, (0, 4096, 21), (REFUSE, errno.EINVAL)),
        (28, (0, 4096, 22), (ALLOW, 0)),
        (28, (0, 4096, 25), (REFUSE, errno.EINVAL)),
        (72, (1, 2), (ALLOW, 0)),
        (72, (1, 1024), (REFUSE, errno.EPERM)),
        (72, (1, 1031), (REFUSE, errno.EPERM)),
        (54, (3, 1, 7), (ALLOW, 0)),
        (54, (3, 1, 26), (REFUSE, errno.ENOPROTOOPT)),
        (16, (1, 0x5401), (ALLOW, 0)),
        (16, (1, 0x5412), (REFUSE, errno.ENOTTY)),
        (157, (15,), (ALLOW, 0)),
        (157, (22,), (REFUSE, errno.EINVAL)),
        (302, (0, 7), (ALLOW, 0)),
        (302, (1, 7), (REFUSE, errno.EPERM)),
        (9, (0, 4096, 3, 0x22), (ALLOW, 0)),
        (9, (0, 4096, 3, 0x4_0022), (REFUSE, errno.EPERM)),
        (319, (0, 1), (ALLOW, 0)),
        (319, (0, 4), (REFUSE, errno.EPERM)),
        (141, (0, 0), (ALLOW, 0)),
        (141, (0, 1), (REFUSE, errno.EPERM)),
        (141, (2, 0), (REFUSE, errno.EPERM)),
        (203, (7,), (ALLOW, 0)),
        (203, (1,), (REFUSE, errno.EPERM)),
    ],
)
def test_arguments_decide(number: int, arguments: tuple[int, ...], expected: tuple[str, int]) -> None:
    assert verdict(number, arguments) == expected


@pytest.mark.parametrize(
    ("size", "passes"), [(0, True), (8 << 20, True), ((16 << 20) - 1, True), (16 << 20, False), (1 << 32, False)]
)
def test_nobody_keeps_the_kernel_to_itself_with_one_call(size: int, passes: bool) -> None:
    assert verdict(40, (1, 0, 0, size)) == ((ALLOW, 0) if passes else (REFUSE, errno.EINVAL))


def test_a_fork_server_may_give_birth_and_nothing_else() -> None:
    births = 0x3E02_C111
    assert verdict(56, (births,), births=births) == (ALLOW, 0)
    assert verdict(56, (0x11,), births=births) == (ALLOW, 0)
    assert verdict(56, (births ^ 0x100,), births=births) == (REFUSE, errno.EPERM)
    assert verdict(56, (0x1000_0011,), births=births) == (REFUSE, errno.EPERM)
    more = {number for number in range(600) if verdict(number) != verdict(number, births=births)}
    assert more == {165, 170}  # mount and sethostname


def test_what_holds_memory_that_does_not_show_needs_a_memory_cgroup() -> None:
    assert verdict(319, (0, 1), groups=False) == (REFUSE, errno.EPERM)
    for number in (seccomp.ALLOWED["splice"], seccomp.ALLOWED["tee"], 40):
        assert verdict(number) == (ALLOW, 0)
        assert verdict(number, groups=False) == (REFUSE, errno.EINVAL)
    for name in ("setxattr", "lsetxattr", "fsetxattr"):
        assert verdict(seccomp.ALLOWED[name]) == (ALLOW, 0)
        assert verdict(seccomp.ALLOWED[name], groups=False) == (REFUSE, errno.EOPNOTSUPP)


def test_without_a_memory_cgroup_sockets_hold_what_they_hold_by_default() -> None:
    for option, answer in ((7, (REFUSE, 0)), (8, (REFUSE, 0)), (2, (ALLOW, 0)), (26, (REFUSE, errno.ENOPROTOOPT))):
        assert verdict(54, (3, 1, option), groups=False) == answer
        assert verdict(54, (3, 1, option)) == ((ALLOW, 0) if option in (7, 8) else answer)
