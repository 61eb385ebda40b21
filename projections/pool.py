"""Work in several processes: tasks that can be pickled, and a word each time one is done."""

import multiprocessing
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

PROCESSES_DEFAULT = 2

Progress = Callable[[str, int, int, int], object]
"""Called with (what is counted, how many are done, tasks done, tasks in all)."""

Task = TypeVar("Task")


class ProcessFailed(Exception):
    """A process failed; ``error`` is the name of what it failed with."""

    reason = "process_failed"

    def __init__(self, error: str) -> None:
        super().__init__(f"a process failed: {error}")
        self.error = error


def run(
    work: Callable[[Task], int], tasks: Sequence[Task], processes: int, progress: Progress | None, what: str
) -> None:
    """Run the tasks in processes of their own (one: in this), each giving how many of ``what`` it did.

    Raises ProcessFailed.
    """
    done = 0
    with _results(work, tasks, processes) as results:
        try:
            for ended, count in enumerate(results, start=1):
                done += count
                if progress is not None:
                    progress(what, done, ended, len(tasks))
        except Exception as error:
            raise ProcessFailed(type(error).__name__) from error


@contextmanager
def _results(work: Callable[[Task], int], tasks: Sequence[Task], processes: int) -> Generator[Iterator[int]]:
    if processes == 1:
        yield map(work, tasks)
        return
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as executor:
        running = [executor.submit(work, task) for task in tasks]
        try:
            yield (future.result() for future in as_completed(running))
        finally:
            executor.shutdown(cancel_futures=True)
