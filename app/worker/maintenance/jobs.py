"""The maintenance jobs: all that a poller does beside delivering updates."""

from dataclasses import dataclass
from functools import partial

from app.domain.outbox.rate_limits import Breaker
from app.http_client.webhook_sender import WebhookSender
from app.usecases.context import AppContext
from app.worker.importer.importer import Importer
from app.worker.importer.webhook_events import WebhookEventReader
from app.worker.maintenance.aging import AgeLimitDays, AgeSweep
from app.worker.maintenance.bulk_jobs import run_jobs
from app.worker.maintenance.commerce_events import carry_out_waiting
from app.worker.maintenance.doubts import DoubtResolver
from app.worker.maintenance.error_notifier import ErrorNotifier
from app.worker.maintenance.imports import import_store
from app.worker.maintenance.order_counts import fold_counts
from app.worker.maintenance.reconciler import reconcile_stores
from app.worker.maintenance.rescue import rescue_expired
from app.worker.maintenance.retention import AttemptSweep, RetentionDays, remove_expired
from app.worker.maintenance.rollup import sum_up_deliveries
from app.worker.maintenance.scheduler import Job
from app.worker.maintenance.ship_by_watch import mark_near
from app.worker.maintenance.task_pool import StoreTasks, TaskPool

# Seconds between two runs of a job that people wait for; a run mostly reads an empty index.
_SOON = 1.0
# Stores that a poller imports at once, and those that it reads for events or for doubts.
# mutation: parallel-imports
_IMPORTS, _READS = 5, 10


@dataclass(frozen=True, slots=True)
class MaintenanceSettings:
    """The settings of the jobs. Durations are in seconds."""

    poll_interval: float
    """Between two runs of a job."""
    quiet_period: float
    """After the end of a lease, while a write may still take effect."""
    ship_by_warning: float
    """Before an order's ship-by time, when people are warned."""
    reconcile_interval: float
    """Between two reconciliations of a store; 0 turns them off."""
    import_interval: float
    """Between two imports of a store; 0 turns them off."""
    retention: RetentionDays
    age_limits: AgeLimitDays
    public_url: str
    """Base of the links in error notifications. Empty means links without a host."""


def jobs(
    context: AppContext,
    webhook_sender: WebhookSender,
    breaker: Breaker,
    settings: MaintenanceSettings,
) -> list[Job]:
    """Make all jobs of a poller."""
    database, every = context.database, settings.poll_interval
    soon = min(every, _SOON)
    importer = Importer(context, breaker, settings.import_interval)
    run_import = partial(import_store, importer)
    imports = StoreTasks("import", TaskPool(_IMPORTS), importer.due, run_import)
    reader = WebhookEventReader(context, breaker)
    events = StoreTasks("look", TaskPool(_READS), reader.due, reader.process)
    resolver = DoubtResolver(context, breaker)
    doubts = StoreTasks("doubts", TaskPool(_READS), resolver.due, resolver.end)
    sweep = AttemptSweep(database, settings.retention.attempts)
    notifier = ErrorNotifier(context, webhook_sender, settings.public_url)
    # mutation: order-count-fold-job
    return [
        Job("rescue", every, partial(rescue_expired, context, settings.quiet_period)),
        Job("ship_by_watch", every, partial(mark_near, context, settings.ship_by_warning)),
        Job("reconcile", every, partial(reconcile_stores, context, settings.reconcile_interval)),
        Job("import", every, imports.run, imports.pool.stop),
        Job("webhook_events", soon, events.run, events.pool.stop),
        Job("doubts", soon, doubts.run, doubts.pool.stop),
        Job("bulk_jobs", soon, partial(run_jobs, context, breaker)),
        Job("commerce_events", every, partial(carry_out_waiting, context)),
        Job("retention", every, partial(remove_expired, database, settings.retention)),
        Job("attempt_sweep", every, sweep.run),
        Job("aging", every, AgeSweep(database, settings.age_limits).run),
        Job("order_counts", every, partial(fold_counts, database)),
        Job("rollup", every, partial(sum_up_deliveries, database)),
        Job("error_notifications", every, notifier.work),
    ]
