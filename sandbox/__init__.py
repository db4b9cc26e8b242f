"""Run untrusted programs under hard limits: a program in, an outcome out. Imports nothing of ours, nothing heavy."""

__project__ = "rlvr"

from sandbox.base import LanguageUnavailable as LanguageUnavailable
from sandbox.base import Limits as Limits
from sandbox.base import RunRequest as RunRequest
from sandbox.base import RunResult as RunResult
from sandbox.base import Sandbox as Sandbox
from sandbox.base import SandboxError as SandboxError
from sandbox.base import SandboxUnavailable as SandboxUnavailable
from sandbox.base import open_sandbox as open_sandbox
