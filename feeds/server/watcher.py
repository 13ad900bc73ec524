"""The watcher: APScheduler around the ingest. Started by a command, never by an import."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from feeds.config import Config
from feeds.http_client.network_policy import policy_of
from feeds.ingest.runner import Ingest
from feeds.model import backoff
from feeds.model.errors import FeedsError, UnavailableError
from feeds.model.runs import Report
from feeds.publishing.websub import pusher_of
from feeds.server.clock_jumps import JumpWatch
from feeds.storage.store import AlreadyRunningError
from feeds.subscriptions.poller import Poller
from feeds.text.filenames import shown

log = logging.getLogger(__name__)

_PUSH_EVERY, _PUSH_SECONDS = 2, 20
_FIRST_RETRY = timedelta(seconds=1)
_POLL_EVERY, _FORGET_EVERY = 1, 3600


class StoppedError(FeedsError):
    """The watcher was asked to stop; what was stored so far stays, the rest is read the next time."""


class Once(BaseTrigger):  # type: ignore[misc] # no types
    """A trigger whose missed times are made up for by one. The original lists them one by one, however many
    they are where the clock was set forward.
    """

    def __init__(self, trigger: BaseTrigger) -> None:
        self._trigger = trigger

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Called by APScheduler: the next time after the last one, or after now where that is over."""
        following: datetime | None = self._trigger.get_next_fire_time(previous_fire_time, now)
        if following is not None and following <= now:
            following = self._trigger.get_next_fire_time(now, now)
        return following


class Watcher:
    """Runs the ingest at once and then on schedule, one run at a time, in a thread of its own."""

    def __init__(self, config: Config, ingest: Ingest) -> None:
        self._ingest = ingest
        self._when = f"at {config.cron} (UTC)" if config.cron else f"every {config.interval} s"
        self._stopping = threading.Event()
        self._scheduler = BackgroundScheduler(timezone=UTC)
        trigger = (
            CronTrigger.from_crontab(config.cron, timezone=UTC)
            if config.cron
            else IntervalTrigger(seconds=config.interval, timezone=UTC)
        )
        self._interval = timedelta(seconds=config.interval)
        self._failed = 0
        """Runs in a row that the database was not there for."""
        self._clock = JumpWatch(self._jumped)
        # A run that takes longer than the interval delays the next one; missed ones are made up for by one.
        self._job = self._scheduler.add_job(
            self.run_once,
            Once(trigger),
            next_run_time=datetime.now(UTC),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        self._poller = Poller(config.subscriptions, policy_of(config.private_upstreams), config.database)
        self._scheduler.add_job(  # a job of its own: no upstream holds up a run
            self._poll,
            # In any case: what was subscribed to before is forgotten then. Never once only: a job that ends
            # while the scheduler does makes APScheduler's thread fail.
            _every(_POLL_EVERY if config.subscriptions else _FORGET_EVERY),
            next_run_time=datetime.now(UTC),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        self._pusher = pusher_of(config)
        if self._pusher is not None:  # a job of its own: no hub holds up a run
            self._scheduler.add_job(
                self._pusher.deliver,
                _every(_PUSH_EVERY),
                args=[_PUSH_SECONDS],
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )

    def start(self) -> None:
        """Begin; answers at once."""
        places = ", ".join(inbox.where for inbox in self._ingest.inboxes if inbox.may_be_away)
        log.info("watching %s, %s", places, self._when)
        self._scheduler.start()
        self._clock.start()

    def stop(self) -> None:
        """Finish the batch that is being stored, if any, and end."""
        self._stopping.set()
        self._clock.stop()
        self._poller.stop()
        if self._pusher is not None:
            self._pusher.stop()
        self._scheduler.shutdown(wait=True)
        self._poller.close()
        if self._pusher is not None:
            self._pusher.close()

    def run_once(self) -> None:
        """One run; whatever goes wrong in it is logged, and the next one comes."""
        self._poller.news.clear()
        try:
            report = self._ingest.run("watcher", wait=False, progress=self._between_batches)
        except AlreadyRunningError:
            log.info("another process is ingesting; this run is left out")
        except StoppedError as stopped:
            log.info("%s", stopped)
        except UnavailableError as error:
            self._again_soon(error)
        except FeedsError as error:
            log.error("%s", error)
        except Exception:
            log.exception("the run failed")
        else:
            self._failed = 0
            _say(report)
        finally:
            if self._pusher is not None:  # also what was stored before something went wrong
                self._pusher.note()

    def _again_soon(self, error: UnavailableError) -> None:
        """Try again after a second, then twice as long each time, up to the interval."""
        wait = backoff.exponential(_FIRST_RETRY, self._failed, self._interval)
        self._failed += 1
        soon = datetime.now(UTC) + wait
        if self._stopping.is_set() or (self._job.next_run_time and self._job.next_run_time <= soon):
            log.error("%s", error)
        else:
            log.error("%s; tried again in %.0f s", error, wait.total_seconds())
            self._job.modify(next_run_time=soon)

    def _jumped(self, seconds: float) -> None:
        """What was planned by a clock that was set since is done now, and planned anew from there."""
        log.warning("the system's clock was set %s by %.0f s", "on" if seconds > 0 else "back", abs(seconds))
        for job in self._scheduler.get_jobs():
            with suppress(JobLookupError):  # it is being stopped
                job.modify(next_run_time=datetime.now(UTC))

    def _poll(self) -> None:
        """Ask the feeds of others that are due; what they brought is read at once, or after this run."""
        self._poller.begin()
        if self._poller.news.is_set() and not self._stopping.is_set():
            self._job.modify(next_run_time=datetime.now(UTC))

    def _between_batches(self, done: int, to_do: int) -> None:
        if self._stopping.is_set() and done < to_do:
            raise StoppedError(f"stopped after {done} of {to_do} files")


def _every(seconds: int) -> Once:
    return Once(IntervalTrigger(seconds=seconds, timezone=UTC))


def _say(report: Report) -> None:
    for failure in report.unreachable:
        log.error("%s", failure.reason)
    for failure in report.failed:
        log.warning("%s: %s", shown(failure.path), failure.reason)
    if report.new or report.changed or report.failed or report.recleaned or report.gone:
        log.info(
            "new %d, changed %d, same %d, failed %d, waiting %d, cleaned again %d, published no more %d",
            report.new,
            report.changed,
            report.same,
            len(report.failed),
            report.waiting,
            report.recleaned,
            report.gone,
        )
