"""`feeds` whose web workers are slow to start: python -m tests.support.slow_start SECONDS ARGUMENT…"""

from __future__ import annotations

import sys
import time

from feeds.cli.main import main
from feeds.server.buffering_worker import BufferingWorker

if __name__ == "__main__":
    seconds = float(sys.argv.pop(1))
    init_process = BufferingWorker.init_process

    def slowly(self: BufferingWorker) -> None:
        time.sleep(seconds)
        init_process(self)

    BufferingWorker.init_process = slowly  # type: ignore[method-assign]
    main()
