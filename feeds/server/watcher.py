"""Run the ingest on a schedule, poll subscriptions and notify hubs (APScheduler).

A command starts the watcher; an import never does.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from feeds.config import Config
from feeds.config.schedules import next_cron_run
from feeds.config.settings import DEFAULT_INBOX
from feeds.http_client.network_policy import parse_policy
from feeds.inboxes import InboxError
from feeds.ingest.runner import Ingest
from feeds.model import backoff
from feeds.model.errors import FeedsError, UnavailableError
from feeds.model.runs import IngestReport
from feeds.publishing.websub import make_pusher
from feeds.server.clock_jumps import ClockJumpMonitor
from feeds.storage.store import AlreadyRunningError
from feeds.subscriptions.poller import Poller
from feeds.subscriptions.push_subscriber import PushSubscriber
from feeds.text.filenames import escape_unprintable

log = logging.getLogger(__name__)

_DELIVERY_SECONDS = 2  # between two deliveries of notices to hubs
_MAX_REMARKS_LOGGED = 20
_MAX_DELIVERY_SECONDS = 20  # the next delivery sends the rest, so that stopping never takes long
_POLL_SECONDS = 1  # between two checks for subscriptions that are due
_SUBSCRIBE_SECONDS = 2  # between two checks for hubs that are to be asked
_FORGET_SECONDS = 3600  # without subscriptions only old ones have to be forgotten
_FIRST_RETRY = timedelta(seconds=1)


class StoppedError(FeedsError):
    """The watcher stopped in the middle of a run.

    The next run reads the remaining files.
    """


class CoalescingTrigger(BaseTrigger):  # type: ignore[misc] # no types
    """A trigger that makes up for all missed times by firing once.

    APScheduler's own triggers compute the missed times one by one: millions, if the clock was set forward.
    """

    def __init__(self, trigger: BaseTrigger) -> None:
        self._trigger = trigger

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the next time after the last one, or after now if that has passed.

        Called by APScheduler.
        """
        following: datetime | None = self._trigger.get_next_fire_time(previous_fire_time, now)
        if following is not None and following <= now:
            following = self._trigger.get_next_fire_time(now, now)
        return following


class CronTrigger(BaseTrigger):  # type: ignore[misc] # no types
    """A trigger at the times of a cron line, in UTC.

    It makes up for all missed times by firing once.

    APScheduler's own trigger requires both the day of the month and the weekday if a line restricts both.
    cron requires one of them, and counts weekdays from Sunday.
    """

    def __init__(self, line: str) -> None:
        self._line = line

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return the next time after now. Called by APScheduler."""
        return next_cron_run(self._line, now)


class Watcher:
    """Runs the ingest at once and then on schedule, in background threads.

    There are never two runs at a time.
    """

    def __init__(self, config: Config, ingest: Ingest) -> None:
        self._ingest = ingest
        self._schedule = f"at {config.cron} (UTC)" if config.cron else f"every {config.interval} s"
        self._stopping = threading.Event()
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self._interval = timedelta(seconds=config.interval)
        self._failures = 0
        """Number of runs in a row that failed because the database did not answer."""
        self._is_configured = config.file is not None or [place.at for place in config.inbox] != [
            Path(DEFAULT_INBOX)
        ]
        self._has_logged_missing_setup = False
        self._clock = ClockJumpMonitor(self._restart_schedule)
        # A run that takes longer than the interval delays the next one.
        self._job = self._scheduler.add_job(
            self.run_once,
            CronTrigger(config.cron) if config.cron else _interval_trigger(config.interval),
            next_run_time=datetime.now(UTC),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        policy = parse_policy(config.private_upstreams)
        self._poller = Poller(
            config.subscriptions, policy, config.database, uses_hubs=config.websub_subscribe
        )
        self._push_subscriber: PushSubscriber | None = None
        if config.websub_subscribe:
            keys = [upstream.key for upstream in config.subscriptions]
            self._push_subscriber = PushSubscriber(keys, policy, config.database, config.base_url)
            self._scheduler.add_job(  # its own job: no hub delays a run or a poll
                self._push_subscriber.work,
                _interval_trigger(_SUBSCRIBE_SECONDS),
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )
        self._scheduler.add_job(  # its own job: no upstream delays a run
            self._poll,
            # Without subscriptions too, to forget old ones. And not only once: if such a job ends
            # together with the scheduler, then APScheduler's thread fails.
            _interval_trigger(_POLL_SECONDS if config.subscriptions else _FORGET_SECONDS),
            next_run_time=datetime.now(UTC),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        self._pusher = make_pusher(config)
        if self._pusher is not None:  # its own job: no hub delays a run
            self._scheduler.add_job(
                self._pusher.deliver,
                _interval_trigger(_DELIVERY_SECONDS),
                args=[_MAX_DELIVERY_SECONDS],
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )

    def start(self) -> None:
        """Start the jobs in the background; returns at once."""
        inboxes = ", ".join(inbox.where for inbox in self._ingest.inboxes if inbox.may_be_away)
        log.info("watching %s, %s", inboxes, self._schedule)
        self._scheduler.start()
        self._clock.start()

    def stop(self) -> None:
        """Stop all jobs. Returns when the batch that is being stored, if any, is stored."""
        self._stopping.set()
        self._clock.stop()
        self._poller.stop()
        if self._push_subscriber is not None:
            self._push_subscriber.stop()
        if self._pusher is not None:
            self._pusher.stop()
        self._scheduler.shutdown(wait=True)
        self._poller.close()
        if self._push_subscriber is not None:
            self._push_subscriber.close()
        if self._pusher is not None:
            self._pusher.close()

    def run_once(self) -> None:
        """Run the ingest once.

        Logs every error instead of raising it, so that the next run takes place.
        """
        self._poller.new_documents.clear()
        try:
            report = self._ingest.run("watcher", wait=False, progress=self._check_stop)
        except AlreadyRunningError:
            log.info("another process is ingesting; this run was skipped")
        except StoppedError as stopped:
            log.info("%s", stopped)
        except UnavailableError as error:
            self._retry_soon(error)
        except FeedsError as error:
            self._log_error(error)
        except Exception:
            log.exception("the run failed")
        else:
            self._failures = 0
            _log_report(report)
        finally:
            if self._pusher is not None:  # a run that failed may have stored articles before
                self._pusher.queue_changes()

    def _log_error(self, error: FeedsError) -> None:
        """Log the error of a run; once only, if nothing is configured and there is no default inbox."""
        if self._is_configured or not isinstance(error, InboxError):
            log.error("%s", error)
        elif not self._has_logged_missing_setup:
            self._has_logged_missing_setup = True
            log.error(
                "there is no config.yaml in %s, and no folder `%s`, the default inbox: write a config.yaml "
                "with `inbox: FOLDER` there, or start `feeds` in the folder of yours",
                Path.cwd(),
                DEFAULT_INBOX,
            )

    def _retry_soon(self, error: UnavailableError) -> None:
        """Move the next run to a second from now.

        The wait doubles with each failure, up to the interval.
        """
        wait = backoff.exponential(_FIRST_RETRY, self._failures, self._interval)
        self._failures += 1
        retry_time = datetime.now(UTC) + wait
        if self._stopping.is_set() or (self._job.next_run_time and self._job.next_run_time <= retry_time):
            log.error("%s", error)
        else:
            log.error("%s; trying again in %.0f s", error, wait.total_seconds())
            self._job.modify(next_run_time=retry_time)

    def _restart_schedule(self, seconds: float) -> None:
        """Run every job now: their next times were computed before the clock was set."""
        direction = "forward" if seconds > 0 else "back"
        log.warning("the system clock was set %s by %.0f s; starting all jobs now", direction, abs(seconds))
        for job in self._scheduler.get_jobs():
            with suppress(JobLookupError):  # the watcher is stopping
                job.modify(next_run_time=datetime.now(UTC))

    def _poll(self) -> None:
        """Poll the subscriptions that are due.

        If they have news, start a run at once or after this one.
        """
        self._poller.start_due_polls()
        if (
            self._poller.new_documents.is_set() or self._has_been_sent_news()
        ) and not self._stopping.is_set():
            self._job.modify(next_run_time=datetime.now(UTC))

    def _has_been_sent_news(self) -> bool:
        """Return whether a hub sent a document since the last call."""
        try:
            return self._push_subscriber is not None and self._push_subscriber.has_news()
        except FeedsError:
            return False  # the poller logs that the database does not answer

    def _check_stop(self, done: int, total: int) -> None:
        """Raise StoppedError if the watcher is stopping.

        Called by the ingest between two batches.
        """
        if self._stopping.is_set() and done < total:
            raise StoppedError(f"stopped after {done} of {total} files")


def _interval_trigger(seconds: int) -> CoalescingTrigger:
    return CoalescingTrigger(IntervalTrigger(seconds=seconds, timezone=UTC))


def _log_report(report: IngestReport) -> None:
    for failure in report.unreachable:
        log.error("%s", failure.reason)
    for failure in report.failed:
        log.warning("%s: %s", escape_unprintable(failure.path), failure.reason)
    for unread in report.unread_dates:
        log.warning("%s: %s", escape_unprintable(unread.path), escape_unprintable(unread.reason))
    for remark in (*report.merged, *report.split)[:_MAX_REMARKS_LOGGED]:
        log.info("%s: %s", escape_unprintable(remark.path), remark.reason)
    if report.new or report.changed or report.failed or report.recleaned or report.gone:
        log.info(
            "new %d, changed %d, same %d, failed %d, waiting %d, merged %d, kept apart %d, cleaned again %d, "
            "no longer published %d",
            report.new,
            report.changed,
            report.same,
            len(report.failed),
            report.waiting,
            len(report.merged),
            len(report.split),
            report.recleaned,
            report.gone,
        )
