"""The first process of a container: takes jobs from its standard input and puts reports on its standard output.

Started by `container` from sources that it sends along: an image holds no code of ours and cannot be out of step.
Three modes: `bare` carries out one job and ends, the container being its walls; `walled` gives each job walls of its
own, by the process backend; `tools` says which languages' tools the image has.
"""

import os
import shutil
import signal
import sys

from sandbox.docker import bare, frames
from sandbox.process import kernel, program


def main(mode: str, folder: str, preload: tuple[str, ...]) -> None:
    """folder: where our sources are. The streams belong to us: what a program prints passes through frames."""
    os.umask(0o022)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # process 1 cannot be sent it then
    kernel.set_dumpable(False)  # nobody with our user id can look into us
    if mode == "bare":
        sys.path.remove(folder)
        shutil.rmtree(folder)
        os.environ.clear()
        program.warm_up(preload)
        frames.put(frames.frame(frames.READY, b""))
        os._exit(program.run(bare.serve()))
    from sandbox.docker import walled

    walled.tell_tools() if mode == "tools" else walled.serve(preload)
