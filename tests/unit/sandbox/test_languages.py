"""Each language whose tools are here runs, is compiled inside the sandbox, and says what is wrong with a program."""

import re
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from sandbox import Limits, RunRequest, SandboxUnavailable, languages
from sandbox.process.backend import ProcessSandbox


class Sample(NamedTuple):
    """Prints the first word of its input and its first argument, and ends with 3."""

    language: str
    code: str
    broken: str


SAMPLES = [
    Sample("bash", 'read x; echo "$x $1"; exit 3', ""),
    Sample(
        "javascript",
        "const s = require('fs').readFileSync(0, 'utf8'); console.log(s.trim(), process.argv[2]); process.exit(3)",
        "",
    ),
    Sample(
        "cpp",
        "#include <iostream>\nint main(int, char **v) { std::string s; std::cin >> s;"
        ' std::cout << s << " " << v[1] << std::endl; return 3; }',
        "int main() { return x; }",
    ),
    Sample(
        "rust",
        "fn main() { let mut s = String::new(); std::io::stdin().read_line(&mut s).unwrap();"
        ' println!("{} {}", s.trim(), std::env::args().nth(1).unwrap()); std::process::exit(3) }',
        "fn main() { x }",
    ),
    Sample(
        "go",
        'package main\nimport ("fmt"; "os")\n'
        "func main() { var s string; fmt.Scan(&s); fmt.Println(s, os.Args[1]); os.Exit(3) }",
        "package main\nfunc main() { x }",
    ),
    Sample(
        "java",
        "import java.util.*;\npublic class Solution { public static void main(String[] a) {"
        ' System.out.println(new Scanner(System.in).next() + " " + a[0]);'
        " new Thread(() -> System.exit(3)).start(); } }",
        "class Main { int f() { return x; } }",
    ),
]
QUICK = [sample for sample in SAMPLES if sample.language in ("bash", "javascript")]


def check(box: ProcessSandbox, sample: Sample) -> None:
    if languages.toolchain(languages.find(sample.language)).missing:
        pytest.skip(f"no tools for {sample.language} here")
    result = box.run(RunRequest(sample.language, sample.code, stdin="word\n", args=["arg"]))
    assert (result.status, result.exit_code, result.stdout) == ("error", 3, "word arg\n"), result
    if sample.broken:
        broken = box.run(RunRequest(sample.language, sample.broken))
        assert broken.status == "compile_error"
        assert re.search(r"\bx\b", broken.stderr)


@pytest.mark.parametrize("sample", QUICK, ids=lambda sample: sample.language)
def test_a_language(box: ProcessSandbox, sample: Sample) -> None:
    check(box, sample)


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.language)
def test_every_language(box: ProcessSandbox, sample: Sample) -> None:
    check(box, sample)


def test_a_program_is_compiled_once(box: ProcessSandbox) -> None:
    if languages.toolchain(languages.find("cpp")).missing:
        pytest.skip("no g++ here")
    code = '#include <cstdio>\nint main() { int n; scanf("%d", &n); printf("%d\\n", n * 2); }'
    limits = Limits(wall_s=1.0)  # compiling does not count
    results = box.run_many(RunRequest("cpp", code, stdin=str(n), limits=limits) for n in range(8))
    assert [result.stdout for result in results] == [f"{2 * n}\n" for n in range(8)]
    assert all(result.wall_s < 1 for result in results)


def test_the_compiler_is_in_the_sandbox_too(box: ProcessSandbox) -> None:
    if languages.toolchain(languages.find("cpp")).missing:
        pytest.skip("no g++ here")
    result = box.run(RunRequest("cpp", '#include "/etc/shadow"\nint main() {}'))
    assert result.status == "compile_error"
    assert "No such file" in result.stderr


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ('asm(".section .interp,\\"a\\"\\n.fill 5000,1,65\\n.text\\n");\nint main() {}', "error", "Exec format error"),
        ("char a[9 << 20] = {1};\nint main() { return a[5]; }", "compile_error", "does not fit into 8 MiB"),
    ],
)
def test_what_is_no_program_or_too_large_is_the_compiled_program_s_fault(
    box: ProcessSandbox, code: str, status: str, said: str
) -> None:
    if languages.toolchain(languages.find("cpp")).missing:
        pytest.skip("no g++ here")
    _, result = (box.run(RunRequest("cpp", code, limits=Limits(file_mb=room))) for room in (64, 8))
    assert result.status == status
    assert said in result.stderr


@pytest.mark.parametrize(
    ("code", "stem"),
    [
        ("class A {}", "Main"),
        ("public class Foo { }", "Foo"),
        ("import x;\n  public final class Bar{", "Bar"),
        ("// public class No", "Main"),
        ("/*\npublic class No {}\n*/ class Main {}", "Main"),
        ('class Main { String s = """\n  public class No\n  \\"""; // """\n}', "Main"),
        ("class Main { char c = '\"'; }\npublic sealed class Shape permits Round {}", "Shape"),
        ('@Deprecated @SuppressWarnings("all")\npublic strictfp class Old {}', "Old"),
        ("public @interface Mark {}", "Mark"),
        ("class Main {\n  public class Inner {}\n}\npublic record Outer() {}", "Outer"),
        (f"public class {'A' * 300} {{}}", "Main"),
    ],
)
def test_java_sources_are_named_after_their_public_class(code: str, stem: str) -> None:
    assert languages.stem(languages.find("java"), code) == stem


@pytest.mark.parametrize("piece", ["\n", "/*", '"""\\', '\\"', "'\\", "@a\n", "public ", "public final\n", "{", '"\\"'])
def test_no_code_keeps_us_from_naming_it(piece: str) -> None:
    began = time.process_time()
    assert languages.stem(languages.find("java"), piece * 200_000) == "Main"
    assert time.process_time() - began < 5


def test_a_missing_toolchain_is_said_in_one_line(box: ProcessSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    languages.toolchain.cache_clear()
    try:
        with pytest.raises(SandboxUnavailable, match=r"language 'cpp' needs g\+\+: install it"):
            box.run(RunRequest("cpp", ""))
    finally:
        languages.toolchain.cache_clear()


@pytest.mark.parametrize("script", ["#!/bin/sh\necho no default >&2\necho second line >&2\nexit 1\n", "no program"])
def test_a_broken_toolchain_is_missing_and_no_other_is(tmp_path: Path, script: str) -> None:
    """As a version switcher is that has no version to switch to."""
    (tmp_path / "rustc").write_text(script)
    (tmp_path / "rustc").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        languages.toolchain.cache_clear()
        try:
            with ProcessSandbox(parallel=1) as box:
                assert box.run(RunRequest("python", "print(1)")).stdout == "1\n"
                with pytest.raises(SandboxUnavailable, match=r"'rust' needs rustc.*: mend it: .*failed") as caught:
                    box.run(RunRequest("rust", ""))
            assert "\n" not in str(caught.value)
        finally:
            languages.toolchain.cache_clear()
