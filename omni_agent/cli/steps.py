"""A progress bar over steps that have names: the cases of a bench, the models of a build."""

from __future__ import annotations


class Steps:
    """A context; ``title`` stands before the name of the step that is going on."""

    def __init__(self, title: str, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._title = title
        self._progress = Progress(TextColumn('{task.description}'), BarColumn(),
                                  MofNCompleteColumn(), TimeElapsedColumn())
        self._task = self._progress.add_task(title, total=total)

    def __enter__(self) -> Steps:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, name: str) -> None:
        self._progress.update(self._task, description=f'{self._title}: {name}')

    def done(self) -> None:
        self._progress.advance(self._task)
