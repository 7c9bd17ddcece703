"""The worker: delivers updates to Walmart and Commerce, and runs jobs beside that.

    poller ── runs ──▶ dispatcher ── due updates ──▶ claimer ── lease, rate limits ──▶ outbox
                           │  claimed updates
                           ▼
                       executor ── one task each ──▶ delivery/ ── read back, send ──▶ Walmart
                           │  outcome, evidence
                           ▼
                       completer ── one transaction for a batch ──▶ orders, outbox

It shares only the database with the web. `importer/` reads orders and returns from Walmart,
`maintenance/` has the jobs that every poller repeats. No rule, no SQL and no composition lives
here: those are in `domain/`, `storage/` and `bootstrap/`. Start with `poller.py`; one delivery
starts in `delivery/deliver.py`.
"""
