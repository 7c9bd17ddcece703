"""Breaks each promise in turn and tells which test notices: `make mutations`.

    python tests/mutations/run.py [--write] [word …]

Each mutation is made in a copy of the tree, never in the tree itself; the tests named beside
it must fail there, and pass without it. With --write the table goes to docs/mutations.md.
With words only mutations run whose promise contains one of them. Takes some minutes.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "mutations.md"
# Seconds after which tests that wait for what was broken are ended.
_HANGS = 600
_HEAD = """# Broken on purpose

Each promise broken in turn, and the tests that notice. Made by `make mutations`, which does it
again: every line is a change in a copy of the code, after which these tests fail.

| promise | broken by | tests that fail |
|---|---|---|
"""


@dataclass(frozen=True)
class Mutation:
    """A promise, how it is broken (in one file, one piece of text for another), who notices."""

    promise: str
    how: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


DELIVERY = "tests/integration/test_delivery.py"
OUTBOX = "tests/integration/test_outbox.py"
CLAIMS = "tests/integration/test_claims.py"
RECOVER = "tests/integration/test_recover.py"
DISPATCH = "tests/integration/test_dispatch.py"
TURNS = "tests/unit/sync/test_turns.py"
LANE = "tests/unit/orders/test_lane.py"
GROUPED = "tests/integration/test_group_commit.py"
GROUP = "tests/unit/storage/test_group_commit.py"
OPTIMISTIC = "tests/integration/test_optimistic.py"
TRANSPORT = "tests/unit/outbound/test_transport.py"
COUNTS = "tests/integration/test_order_counts.py"
SETTLING = "tests/integration/test_settling.py"
LISTS = "tests/integration/test_order_lists.py"
MATRIX = "tests/integration/test_overview_matrix.py"
WORLDS = "tests/unit/orders/test_readback_worlds.py"
REFUNDS_OF_A_LINE = "tests/integration/test_refunds_of_a_line.py"
RETENTION = "tests/integration/test_retention.py"
IMPORTER = "tests/integration/test_importer.py"
RETURNS = "tests/integration/test_returns.py"
RETURN_ORDERS = "tests/integration/test_return_orders.py"
INVENTORY = "tests/integration/test_inventory.py"
ANNOUNCED = "tests/integration/test_announcements.py"
DOORS = "tests/integration/web/test_commerce_doors.py"
HOOKS = "tests/integration/web/test_commerce_hooks.py"
SHIPMENTS = "tests/integration/web/test_commerce_shipments.py"
EVENTS = "tests/integration/web/test_commerce_events.py"
CONNECTOR = "tests/integration/test_connector.py"
BULK = "tests/integration/web/test_bulk.py"
PROGRESS = "tests/integration/test_import_progress.py"
RECONCILE = "tests/integration/test_reconcile.py"
STORES = "tests/integration/web/test_stores.py"
EDGE = "tests/integration/web/test_edge.py"
CONNECTIONS = "tests/unit/test_connections.py"
EXCHANGE = "tests/unit/outbound/test_exchange.py"
REDACTION = "tests/unit/outbound/test_redaction.py"
WORDS = "tests/integration/test_private_words.py"
INTERLEAVING = "tests/integration/test_import_interleaving.py"
NOTIFICATIONS = "tests/integration/test_notifications.py"
RECORDER = "tests/integration/test_recorder.py"
TROUBLE = "tests/integration/web/test_database_trouble.py"
BUSY = "tests/integration/web/test_busy.py"
LENDING = "tests/integration/test_lending.py"
ERRAND = "tests/unit/sync/test_errand.py"
PACKAGES = "tests/contract/test_system_packages.py"
OPENAPI = "tests/contract/test_openapi.py"
DOUBTS = "tests/integration/web/test_doubts.py"
REFUNDS_IN_DOUBT = "tests/integration/web/test_refunds_in_doubt.py"
DISMISSALS = "tests/integration/web/test_dismissals.py"
LAG = "tests/integration/web/test_lag.py"
WHOLE = "tests/integration/web/test_whole_cancellations.py"
PARTIAL = "tests/integration/web/test_partial_shipments.py"
PARTLY = "tests/unit/orders/test_partly.py"
SEEN = "tests/unit/orders/test_seen.py"
EQUAL_NOTES = "tests/integration/web/test_equal_notes.py"
FAULTS_OF_OURS = "tests/integration/web/test_faults_of_ours.py"
OVERWRITING = "tests/integration/web/test_corrections_in_doubt.py"
MIGRATIONS = "tests/integration/test_migrations.py"
MUTATIONS = (
    Mutation(
        "make installs everything that is missing by one call of apt-get",
        "naming the last package only",
        ".ci/system-packages",
        'packages+="${packages:+ }$(packages_of "$tool")"',
        'packages="$(packages_of "$tool")"',
        (PACKAGES,),
    ),
    Mutation(
        "without root or sudo nothing is installed, and one line says how",
        "not asking sudo whether it wants a password",
        ".ci/system-packages",
        'sudo -n true 2>/dev/null || fail "To install it: $by_hand"',
        "true",
        (PACKAGES,),
    ),
    Mutation(
        "what apt-get brings is looked at before it is taken for what is needed",
        "trusting its exit code",
        ".ci/system-packages",
        """look_for "$@"
[[ -z $missing ]] ||""",
        """look_for
[[ -z $missing ]] ||""",
        (PACKAGES,),
    ),
    Mutation(
        "Python 3.14 and 3.15 are accepted",
        "stopping at 3.13",
        ".ci/find-python",
        "< (3, 16)",
        "< (3, 14)",
        (PACKAGES,),
    ),
    Mutation(
        "a problem's title does not depend on the version of Python",
        "taking Python's own",
        "app/web/codes.py",
        "_TITLES.get(status) or HTTPStatus(status).phrase",
        "HTTPStatus(status).phrase",
        (OPENAPI,),
    ),
    Mutation(
        "a store's people get one message a minute at most",
        "telling at once again",
        "app/storage/notifications.py",
        "LEASE, PACE = 60.0, 60.0",
        "LEASE, PACE = 60.0, 0.0",
        (NOTIFICATIONS,),
    ),
    Mutation(
        "a token goes out in clear in a private network only",
        "calling anybody over http",
        "app/outbound/addresses.py",
        "if not encrypted and not (ip.is_loopback or _private(ip)):",
        "if False:",
        (TRANSPORT,),
    ),
    Mutation(
        "text that no database takes is refused at the door",
        "letting it through",
        "app/orders/bounds.py",
        "return mended(text) == text",
        "return True",
        (DOORS,),
    ),
    Mutation(
        "what Walmart shows belongs to the shipment whose absence is least sure",
        "giving it to the earlier one, even where that is known to be absent",
        "app/orders/readback.py",
        "        return 0\n    return 1 if task.state in DUE else 2",
        "        return 0\n    return 0",
        (WORLDS,),
    ),
    Mutation(
        "a shipment that is over finds only what nobody else accounts for",
        "letting it find what a failed one is sent for",
        "app/orders/readback.py",
        "        return _OVER\n",
        "        return 2\n",
        (WORLDS,),
    ),
    Mutation(
        "a refund counts only on what became of the others of its line",
        "counting on what was asked for before",
        "app/orders/refunds.py",
        "return later - lost",
        "return 0",
        (REFUNDS_OF_A_LINE,),
    ),
    Mutation(
        "a refund waits while another of its line is in doubt",
        "sending it at once",
        "app/sync/refunding.py",
        "if errand.others_until is not None:",
        "if errand.others_until is None:",
        (REFUNDS_OF_A_LINE,),
    ),
    Mutation(
        "an unclear result is read back before anything is sent again",
        "sending without reading",
        "app/sync/shipping.py",
        "if not errand.update.ambiguous and not obstacle.unheld(items):",
        "if not obstacle.unheld(items):",
        (DELIVERY,),
    ),
    Mutation(
        "only the holder of the lease records",
        "ignoring the lease token",
        "app/storage/recording.py",
        "AND u.id = v.id AND u.lease_token = v.lease_token",
        "AND u.id = v.id",
        (OUTBOX,),
    ),
    Mutation(
        "absence is believed only after the quiet period",
        "skipping the quiet period",
        "app/orders/doubt.py",
        "return in_doubt_until is not None and read_at < in_doubt_until",
        "return False",
        (DELIVERY, DOUBTS),
    ),
    Mutation(
        "updates of one order go one at a time",
        "claiming whose turn it is not",
        "app/storage/taking.py",
        "AND u.urgent = r.urgent AND u.active AND u.state",
        "AND u.urgent = r.urgent AND u.state",
        (OUTBOX,),
    ),
    Mutation(
        "confirmed means that Walmart has it",
        "recording before sending",
        "app/sync/deliveries.py",
        "            outcome = await delivery.deliver(errand)\n",
        "            from app.orders.outcome import Confirmed\n"
        "            early = self._judged(errand, Confirmed(None), started)\n"
        "            await self.recorder.write(early)\n"
        "            outcome = await delivery.deliver(errand)\n",
        (DELIVERY,),
    ),
    Mutation(
        "a 200 must show the units",
        "believing the status alone",
        "app/sync/shipping.py",
        "if answer.order is None or not _shows(errand, answer.order, going):",
        "if answer.order is None:",
        (DELIVERY,),
    ),
    Mutation(
        "a poller that died may have sent",
        "taking its update back as never sent",
        "app/storage/updates.py",
        "SET state = 'verifying', ambiguous = (u.kind <> 'inventory'),",
        "SET state = 'retrying', ambiguous = false,",
        (OUTBOX, "tests/acceptance/test_main_job.py"),
    ),
    Mutation(
        "no more goes out than Walmart has calls left",
        "ignoring the count in its headers",
        "app/orders/lane.py",
        "    if lane.tokens > in_flight:\n        return Room(lane.tokens - in_flight)\n",
        "    return Room(UNLIMITED)\n",
        (LANE, CLAIMS),
    ),
    Mutation(
        "a broken lane is tried by a single call",
        "letting everything go at once",
        "app/orders/lane.py",
        "max((1 if lane.broken else FIRST_CALLS) - in_flight, 0)",
        "max((99 if lane.broken else FIRST_CALLS) - in_flight, 0)",
        (LANE, CLAIMS),
    ),
    Mutation(
        "rejected credentials stop the store",
        "trying each of its updates",
        "app/sync/verdicts.py",
        'return Pause(Endpoint.ALL, "credentials_rejected", CREDENTIALS_PAUSE)',
        "return None",
        ("tests/acceptance/test_lanes.py",),
    ),
    Mutation(
        "a store never takes every slot",
        "letting it",
        "app/sync/turns.py",
        "        return min(fair - busy, self.free, max(self.free - kept, last))\n",
        "        return self.free\n",
        (TURNS, OUTBOX),
    ),
    Mutation(
        "late orders go first",
        "first come, first served",
        "app/storage/taking.py",
        "               ORDER BY urgent DESC, ambiguous DESC, due_at, id) AS place",
        "               ORDER BY due_at, id) AS place",
        (CLAIMS,),
    ),
    Mutation(
        "a retry says what will happen",
        "queueing what cannot be",
        "app/intake/retry.py",
        "    if not landed and why_not is None:\n",
        "    if not landed:\n",
        ("tests/integration/web/test_retry.py",),
    ),
    Mutation(
        "a shipment is written only to the order that the rules saw",
        "not comparing the row's version",
        "app/storage/optimistic.py",
        "AND o.xmin = v.version",
        "AND (o.xmin = v.version OR true)",
        (GROUPED,),
    ),
    Mutation(
        "a store whose secret nobody can read keeps nothing from the others of its claim",
        "pausing it first",
        "app/sync/dispatch.py",
        "key=lambda each: each[1].unreadable",
        "key=lambda each: not each[1].unreadable",
        ("tests/integration/test_claims_at_once.py",),
    ),
    Mutation(
        "nobody waits for an order that somebody else's request or a poller holds",
        "waiting for held orders in the write of several",
        "app/storage/optimistic.py",
        "FOR NO KEY UPDATE OF o SKIP LOCKED",
        "FOR NO KEY UPDATE OF o",
        (GROUPED,),
    ),
    Mutation(
        "what the database refuses of one request takes no other with it",
        "telling its error to all that were written with it",
        "app/storage/group_commit.py",
        "                await self._one_by_one(batch)\n",
        "                [_tell(place, error) for place in batch]\n",
        (GROUPED, GROUP),
    ),
    Mutation(
        "a database that does not answer keeps no request waiting for ever",
        "letting those pile up whose turn does not come",
        "app/storage/group_commit.py",
        "        while self._waiting and self._waiting[0].until <= loop.time():\n",
        "        while False:\n",
        (GROUP,),
    ),
    Mutation(
        "a request that comes alone is not kept waiting for others, one that comes later goes next",
        "starting no batch when one has ended",
        "app/storage/group_commit.py",
        "        self._running.discard(task)\n        self._start()",
        "        self._running.discard(task)",
        (GROUP,),
    ),
    Mutation(
        "a request whose twin runs is told so at once",
        "not asking for its lock",
        "app/storage/optimistic.py",
        "v.lock IS NULL OR pg_try_advisory_xact_lock(v.lock) AS open",
        "true AS open",
        (OPTIMISTIC,),
    ),
    Mutation(
        "a reference sent again answers the first shipment",
        "applying the rules first",
        "app/storage/optimistic.py",
        "return not (self.repeated or passable)",
        "return not passable",
        (OPTIMISTIC,),
    ),
    Mutation(
        "a shipment that is known to be absent lets a new one pass",
        "queueing the new one behind it",
        "app/storage/optimistic.py",
        "return not (self.repeated or passable)",
        "return not self.repeated",
        (OPTIMISTIC,),
    ),
    Mutation(
        "an order's updates are found without reading its store's queue",
        "letting the planner take a partial index",
        "app/storage/updates.py",
        "AND u.active::int = 1 AND NOT EXISTS",
        "AND u.active AND NOT EXISTS",
        (OPTIMISTIC,),
    ),
    Mutation(
        "a connection lost after the request may have shipped",
        "calling it one that never stood",
        "app/outbound/transport.py",
        "raise httpx.RemoteProtocolError(",
        "raise httpx.ConnectError(",
        (TRANSPORT,),
    ),
    Mutation(
        "a failed call gives its connection's place back",
        "keeping it",
        "app/outbound/transport.py",
        "        except BaseException:\n            self._slots.release()\n",
        "        except BaseException:\n",
        (TRANSPORT,),
    ),
    Mutation(
        "the tries of a failed update are kept",
        "deleting them by age alone",
        "app/storage/retention.py",
        "AND u.state NOT IN ('confirmed', 'dismissed'))",
        "AND u.state NOT IN ('confirmed', 'dismissed', 'failed'))",
        ("tests/integration/test_retention.py",),
    ),
    Mutation(
        "a database that goes away is told as such",
        "not knowing the driver's own error",
        "app/storage/trouble.py",
        "asyncpg.InterfaceError, asyncpg.InternalClientError, OSError",
        "asyncpg.InterfaceError, OSError",
        ("tests/integration/web/test_database_trouble.py",),
    ),
    Mutation(
        "no statement of the hot path asks across stores",
        "reading an order's lines by the order alone",
        "app/storage/orders.py",
        "WHERE l.store_id = <o.store_id> AND l.order_id = o.id) AS lines",
        "WHERE l.order_id = o.id) AS lines",
        ("tests/integration/test_citus.py",),
    ),
    Mutation(
        "where stores lie apart, results are written by store",
        "writing them together",
        "app/sync/recorder.py",
        "_by_store(batch) if await self.database.apart() else [batch]",
        "[batch]",
        ("tests/integration/test_citus.py", "tests/integration/test_recorder.py"),
    ),
    Mutation(
        "where stores lie apart, each server is asked for its own",
        "going from group to group",
        "app/sync/dispatch.py",
        "due.groups(self.database.by_key, apart=apart)",
        "due.groups(self.database.by_key)",
        ("tests/integration/test_citus.py",),
    ),
    Mutation(
        "a result that is written twice is one try",
        "refusing the second",
        "app/storage/recording.py",
        "ON CONFLICT (store_id, id) DO NOTHING",
        "",
        ("tests/integration/test_recorder.py",),
    ),
    Mutation(
        "the summary is right at every moment",
        "not taking an order off the status it leaves",
        "migrations/versions/2026_11_24_0340_order_counts.py",
        "VALUES (OLD.store_id, OLD.status, -1)",
        "VALUES (OLD.store_id, OLD.status, 0)",
        (COUNTS,),
    ),
    Mutation(
        "the summary is right at every moment",
        "reading only what was added up",
        "app/storage/order_counts.py",
        "      SELECT status, orders FROM order_count_changes WHERE store_id = $1) found",
        "      SELECT status, 0 FROM order_counts WHERE store_id = $1) found",
        (COUNTS,),
    ),
    Mutation(
        "the summary is right at every moment",
        "adding up over what was added before",
        "app/storage/order_counts.py",
        "SET orders = k.orders + excluded.orders",
        "SET orders = excluded.orders",
        (COUNTS,),
    ),
    Mutation(
        "the summary is right at every moment",
        "counting anew what the triggers have counted",
        "migrations/versions/2026_11_24_0341_count_what_is_there.py",
        "      UNION ALL SELECT store_id, status, -orders FROM order_count_changes\n",
        "",
        ("tests/integration/test_migrations.py",),
    ),
    Mutation(
        "pollers add up how many orders there are",
        "never doing it",
        "app/sync/upkeep.py",
        "            self._again_and_again(self._count),\n",
        "",
        (COUNTS,),
    ),
    Mutation(
        "each order of a batch gets its own",
        "saving the lines by their numbers alone",
        "app/storage/order_changes.py",
        "l.order_id = v.order_id\n         AND l.line_number",
        "l.line_number",
        (SETTLING,),
    ),
    Mutation(
        "each order of a batch gets its own",
        "writing the status of one of them to all of its store",
        "app/storage/order_changes.py",
        "WHERE o.store_id = v.store_id AND o.id = v.id",
        "WHERE o.store_id = v.store_id",
        (SETTLING,),
    ),
    Mutation(
        "a buyer's wish is kept as it was first seen",
        "forgetting it where Walmart was not read",
        "app/storage/order_changes.py",
        "WHEN NOT v.synced THEN o.cancel_requested",
        "WHEN NOT v.synced THEN NULL",
        (SETTLING,),
    ),
    Mutation(
        "a buyer's wish is kept as it was first seen",
        "taking the last time it was seen",
        "app/storage/order_changes.py",
        "nullif(o.cancel_requested->'seen_at', 'null'), v.wish->'seen_at'",
        "v.wish->'seen_at'",
        (SETTLING,),
    ),
    Mutation(
        "what a poller holds is left to it",
        "settling it with what Walmart shows",
        "app/storage/settling.py",
        " AND u.state <> 'sending'",
        "",
        (SETTLING,),
    ),
    Mutation(
        "no more goes out than Walmart has calls left",
        "not looking what is under way",
        "app/storage/shares.py",
        "            n for (kind, unsure), n in seen.under_way",
        "            0 for (kind, unsure), n in seen.under_way",
        (CLAIMS,),
    ),
    Mutation(
        "two pollers never claim by the same count",
        "not minding who claimed since",
        "app/storage/taking.py",
        "AND l.claims = {claims}",
        "AND l.claims >= {claims}",
        (DISPATCH,),
    ),
    Mutation(
        "two pollers never claim by the same count",
        "not counting a claim",
        "app/storage/taking.py",
        "UPDATE lanes l SET claims = l.claims + 1",
        "UPDATE lanes l SET claims = l.claims",
        (DISPATCH,),
    ),
    Mutation(
        "a store that somebody else claims of holds up no other",
        "waiting for it",
        "app/storage/taking.py",
        "LIMIT 1 FOR UPDATE SKIP LOCKED",
        "LIMIT 1 FOR UPDATE",
        (DISPATCH,),
    ),
    Mutation(
        "what somebody else claimed of is tried again",
        "forgetting it",
        "app/sync/dispatch.py",
        "        if taken.elsewhere:\n            self._try_again(turn)\n",
        "        if taken.elsewhere:\n            pass\n",
        (DISPATCH,),
    ),
    Mutation(
        "results are written at once where something waits for them",
        "gathering all the same",
        "app/sync/recorder.py",
        " or self.waited_for(waiting)",
        "",
        ("tests/integration/test_recorder.py",),
    ),
    Mutation(
        "a store that hangs leaves room for the others",
        "keeping no slots",
        "app/sync/turns.py",
        "max(self.free - kept, last)",
        "self.free",
        (TURNS,),
    ),
    Mutation(
        "a store claims once at a time",
        "letting it have another turn meanwhile",
        "app/sync/turns.py",
        "        self._claiming.add(turn.place)\n",
        "",
        (TURNS,),
    ),
    Mutation(
        "what is handed the turn by a result is found at once",
        "not saying that something may be due",
        "app/storage/recording.py",
        "    more = bool(subjects) or not all(_over(result) for result in kept)\n",
        "    more = False\n",
        (DISPATCH,),
    ),
    Mutation(
        "an update that waits behind another gets its turn",
        "handing none where the order is held",
        "app/storage/recording.py",
        "    return any(\n        task.state in OPEN\n",
        "    return False and any(\n        task.state in OPEN\n",
        (OUTBOX,),
    ),
    Mutation(
        "a token of Commerce's that nobody can read stops no shipment",
        "pausing all of the store for it",
        "app/sync/claiming.py",
        "self.pause(store_id, Endpoint.COMMERCE)",
        "self.pause(store_id, Endpoint.ALL)",
        (DISPATCH,),
    ),
    Mutation(
        "a broken lane is tried by a single call",
        "giving each kind of update one of its own",
        "app/storage/shares.py",
        "            given[way] += min(mine.calls, limit)\n",
        "            given[way] += 0\n",
        (DISPATCH,),
    ),
    Mutation(
        "who claims and who records never wait for each other",
        "holding own caps in the order of what was taken",
        "app/storage/claims.py",
        "for way in sorted(calls)]",
        "for way in reversed(sorted(calls))]",
        (DISPATCH,),
    ),
    Mutation(
        "a backlog is not forgotten when another kind is announced",
        "keeping what was announced only",
        "app/sync/turns.py",
        "for each in (*turn.groups, *meanwhile)}",
        "for each in (meanwhile or turn.groups)}",
        (TURNS,),
    ),
    Mutation(
        "a store whose lanes bear nothing is not tried at each look",
        "not remembering it",
        "app/sync/turns.py",
        "            self._resting[turn.place] = rest_until\n",
        "            pass\n",
        (TURNS,),
    ),
    Mutation(
        "an announcement names what is due",
        "not reading what it names",
        "app/storage/wakeup.py",
        "        told.append((int(store_id), Kind(kind)))\n",
        "",
        (DISPATCH,),
    ),
    Mutation(
        "a list of all stores has every order once, in order",
        "taking three of each store",
        "app/storage/overview/walks.py",
        "WHERE h.place = {_FIRST} AND (",
        "WHERE false AND (",
        (LISTS,),
    ),
    Mutation(
        "a list of all stores has every order once, in order",
        "stopping at the first of a page",
        "app/storage/overview/walks.py",
        "OFFSET {self.limit - 1} LIMIT 1",
        "LIMIT 1",
        (LISTS,),
    ),
    Mutation(
        "a search hides nothing",
        "showing the first thousand without a word",
        "app/storage/overview/search.py",
        "    if len(found) > MOST or max(",
        "    if False and max(",
        (LISTS,),
    ),
    Mutation(
        "a search looks within a store",
        "looking in all of them",
        "app/storage/overview/search.py",
        'store = " WHERE s.store_id = $1::int" if one',
        'store = " WHERE $1::int > 0" if one',
        (LISTS, "tests/integration/test_overview.py"),
    ),
    Mutation(
        "a list reads no more than its page needs",
        "letting PostgreSQL expect few",
        "app/storage/overview/return_views.py",
        "{_FAILED} IS NOT TRUE",
        "{_FAILED} IS NULL",
        (MATRIX,),
    ),
    Mutation(
        "no token is kept",
        "looking for web tokens where there is an address only",
        "app/outbound/redaction.py",
        '("eyJ", re.compile',
        '("@", re.compile',
        ("tests/unit/outbound/test_redaction.py",),
    ),
    Mutation(
        "archived updates still count for the rules",
        "looking only into the outbox",
        "app/storage/orders.py",
        """                 FROM archived_updates
                WHERE store_id""",
        """                 FROM archived_updates
                WHERE false AND store_id""",
        (RETENTION,),
    ),
    Mutation(
        "archived updates still count for the rules",
        "keeping no tracking number",
        "app/storage/retention.py",
        "WHEN 'shipment' THEN jsonb",
        "WHEN 'none' THEN jsonb",
        (RETENTION,),
    ),
    Mutation(
        "only what is at rest is archived",
        "failed updates too",
        "app/storage/retention.py",
        """     WHERE d.state IN ('confirmed', 'dismissed') AND d.in_doubt_until IS NULL
       AND d.finished_at <""",
        """     WHERE d.state IN ('confirmed', 'dismissed', 'failed') AND d.in_doubt_until IS NULL
       AND d.finished_at <""",
        (RETENTION,),
    ),
    Mutation(
        "a run of the importer that breaks off misses nothing",
        "counting a window as read after its first page",
        "app/sync/readings.py",
        "        if page.cursor is None:\n            ended",
        "        if True:\n            ended",
        (PROGRESS,),
    ),
    Mutation(
        "what Walmart's list shows late is read",
        "no overlap",
        "app/storage/places.py",
        "OVERLAP = timedelta(minutes=10)",
        "OVERLAP = timedelta(0)",
        (PROGRESS,),
    ),
    Mutation(
        "every page of returns is read",
        "the first page only",
        "app/walmart/returning.py",
        "        _query(cursor) if found and cursor and _query(cursor) != asked else None,",
        "        None,",
        (PROGRESS,),
    ),
    Mutation(
        "every page of what waits for its acknowledgement is read",
        "the first page only",
        "app/sync/lists.py",
        "self.account, since, place.cursor, size=self.size(place))",
        "self.account, since, None, size=self.size(place))",
        (PROGRESS,),
    ),
    Mutation(
        "an order that cannot be read stops neither the others nor returns",
        "ending the reading",
        "app/sync/leased.py",
        "            if errors.is_about_all(error):\n                raise",
        "            if True:\n                raise",
        (PROGRESS,),
    ),
    Mutation(
        "an import goes on where it was",
        "forgetting the cursor",
        "app/storage/places.py",
        "return replace(self, cursor=cursor, pages",
        "return replace(self, cursor=None, pages",
        (PROGRESS,),
    ),
    Mutation(
        "an importer that lost its lease writes nothing more",
        "not asking for it where an order is mended",
        "app/intake/reconcile.py",
        "        await hold.check(connection)\n        order = await",
        "        order = await",
        (PROGRESS,),
    ),
    Mutation(
        "the lease is renewed while a page is worked on",
        "renewing it with lists only",
        "app/sync/leased.py",
        "        if not await imports.renew(connection, self.run):",
        "        if not await imports.held(connection, self.run):",
        (PROGRESS,),
    ),
    Mutation(
        "a picture that was overtaken is not believed",
        "believing it",
        "app/intake/reconcile.py",
        "if busy(order) or not settling.still_holds(basis, order):",
        "if busy(order):",
        (RECONCILE,),
    ),
    Mutation(
        "pages that lead in a circle come to an end",
        "following them",
        "app/walmart/trail.py",
        "if cursor in self._seen or",
        "if",
        (PROGRESS,),
    ),
    Mutation(
        "two pollers look at different events",
        "waiting for the other",
        "app/storage/webhooks.py",
        "LIMIT :most FOR UPDATE SKIP LOCKED",
        "LIMIT :most FOR UPDATE",
        (ANNOUNCED,),
    ),
    Mutation(
        "an announcement waits while its lane stands still",
        "asking all the same",
        "app/sync/gate.py",
        "        if left is not None:\n            raise Paused",
        "        if False:\n            raise Paused",
        (ANNOUNCED,),
    ),
    Mutation(
        "a store whose lane stands still is not taken from",
        "taking from it",
        "app/storage/webhooks.py",
        "AND l.paused_until > now())\n     ORDER",
        "AND false)\n     ORDER",
        (ANNOUNCED,),
    ),
    Mutation(
        "a store that hangs holds up nobody else's next imports",
        "one at a time",
        "app/sync/upkeep.py",
        "_IMPORTS, _LOOKS = 5, 10",
        "_IMPORTS, _LOOKS = 1, 1",
        (ANNOUNCED,),
    ),
    Mutation(
        "what Walmart announced is not counted as missed",
        "counting all that polling found",
        "app/storage/webhooks.py",
        "AND w.received_at >= o.since)",
        "AND false)",
        (ANNOUNCED,),
    ),
    Mutation(
        "a Walmart account has one store",
        "letting the index be",
        "migrations/versions/2026_11_26_0302_one_store_for_an_account.py",
        '        ["market", "walmart_client_id"],\n        unique=True,',
        '        ["market", "walmart_client_id"],\n        unique=False,',
        (STORES,),
    ),
    Mutation(
        "a shared account that its owner gives up stays refused to new stores",
        "leaving nobody its owner",
        "app/storage/stores.py",
        "        await sharing.pass_on(connection, before)\n",
        "        pass\n",
        (STORES,),
    ),
    Mutation(
        "a postponed order that is busy is read once in a turn",
        "looking at it again at once",
        "app/storage/retries.py",
        "       SET due_at = greatest(import_retries.due_at, excluded.due_at)\n",
        "       SET due_at = import_retries.due_at\n",
        (PROGRESS,),
    ),
    Mutation(
        "an announced return that cannot be read is written down",
        "leaving it out",
        "app/sync/announcements.py",
        "self.desk, account, page.returns, page.unreadable, hold=gate",
        "self.desk, account, page.returns, hold=gate",
        (RETURN_ORDERS,),
    ),
    Mutation(
        "one importer reads a store at a time",
        "taking a store that somebody reads",
        "app/storage/imports.py",
        "     WHERE (i.leased_until IS NULL OR i.leased_until < now())\n       AND (i.started_at",
        "     WHERE (i.started_at",
        (IMPORTER,),
    ),
    Mutation(
        "Walmart's own orders are not changed",
        "acknowledging them",
        "app/intake/importing.py",
        "waits = snapshot.created and not snapshot.fulfilled_by_walmart",
        "waits = snapshot.created",
        (IMPORTER,),
    ),
    Mutation(
        "what changed at Walmart is seen",
        "passing over known orders",
        "app/intake/importing.py",
        "if any(map(drift.is_drift, found)):",
        "if False:",
        (INTERLEAVING,),
    ),
    Mutation(
        "a refund is read back before every send",
        "sending what was asked",
        "app/sync/refunding.py",
        "    wanted = refunds.missing(errand.refund_items, read)\n",
        "    wanted = {item.number: item.quantity for item in errand.refund_items}\n",
        (RETURNS,),
    ),
    Mutation(
        "a refund's absence is believed after the quiet period",
        "believing it at once",
        "app/sync/refunding.py",
        "if not errand.ends_doubt(at):",
        "if not (errand.ends_doubt(at) or True):",
        (RETURNS,),
    ),
    Mutation(
        "units are refunded once",
        "not counting what is on its way",
        "app/intake/refund.py",
        "waiting = rules.pending(known.returned, asked)",
        "waiting = {}",
        (RETURNS,),
    ),
    Mutation(
        "a refund is settled on the order of its lines",
        "taking each line for the first order's",
        "app/orders/returns.py",
        "return line.purchase_order_id or self.purchase_order_id",
        "return self.purchase_order_id",
        (RETURN_ORDERS,),
    ),
    Mutation(
        "units that were taken back are not counted as refunded",
        "believing that nothing is missing",
        "app/sync/refunding.py",
        "if not wanted and never is None:",
        "if not wanted:",
        (RETURN_ORDERS,),
    ),
    Mutation(
        "a canceled return is not refunded",
        "passing over its cancellation",
        "app/orders/refunds.py",
        "if returned.closed:",
        "if False:",
        (RETURN_ORDERS,),
    ),
    Mutation(
        "a refund told again is the same one",
        "taking it for another",
        "app/web/commerce/orders.py",
        "reference=body.reference(once.key if once else None)",
        "reference=None",
        (DOORS,),
    ),
    Mutation(
        "a credit memo told by a hook and by REST is refunded once",
        "knowing it by its body alone",
        "app/intake/memos.py",
        "    memos.sort(",
        "    memos = []\n    memos.sort(",
        (EVENTS,),
    ),
    Mutation(
        "what a person dismissed is not carried out",
        "doing what was taken before",
        "app/intake/commerce_events.py",
        "return known is not None and known.state not in storage.OPEN",
        "return False",
        (EVENTS,),
    ),
    Mutation(
        "a shipment is passed over only where Commerce says that its order is its own",
        "taking a refusal to say for it",
        "app/intake/commerce_orders.py",
        "return Whose(None, foreign=not unmade)",
        "return Whose(None, foreign=True)",
        (CONNECTOR,),
    ),
    Mutation(
        "a stock level always gets its turn",
        "not waiting for whoever hands it on",
        "app/storage/stock.py",
        "    await connection.execute(_HELD, values)\n",
        "",
        (INVENTORY,),
    ),
    Mutation(
        "an out-of-stock cancellation leaves the newest level at Walmart",
        "taking what went before it for enough",
        "app/storage/stock.py",
        "_MAY_HAVE_GONE = frozenset({State.CONFIRMED, State.SENDING})",
        "_MAY_HAVE_GONE = frozenset[State]()",
        (INVENTORY,),
    ),
    Mutation(
        "only the newest stock level is sent",
        "leaving older ones",
        "app/storage/stock.py",
        "AND u.state || '' IN ('pending', 'retrying', 'verifying', 'failed')\n    RETURNING",
        "AND false\n    RETURNING",
        (INVENTORY,),
    ),
    Mutation(
        "only the newest stock level is sent",
        "sending one that was held",
        "app/sync/claiming.py",
        "            if update.id not in rare.stale:\n",
        "            if True:\n",
        (INVENTORY,),
    ),
    Mutation(
        "only the newest stock level is sent",
        "taking a cancellation's for as new as its confirmation",
        "app/storage/stock_following.py",
        "((given, row.created_at), (asked, None))",
        "((given, None), (asked, None))",
        (INVENTORY,),
    ),
    Mutation(
        "only the newest stock level is sent",
        "forgetting those that were archived",
        "app/storage/retention.py",
        "WHEN 'inventory' THEN payload",
        "WHEN 'inventory' THEN '{}'",
        (INVENTORY,),
    ),
    Mutation(
        "a SKU's stock has a queue of its own",
        "leaving an @ in its name",
        "app/storage/stock.py",
        '.replace("@", "%40")',
        "",
        (INVENTORY,),
    ),
    Mutation(
        "a newer stock level arrives last",
        "sending it at once",
        "app/sync/stocking.py",
        "return Confirmed(None) if until is None else SendAgain(until)",
        "return Confirmed(None)",
        (INVENTORY,),
    ),
    Mutation(
        "an announcement is Walmart's own",
        "taking any signature",
        "app/intake/announce.py",
        "if not notifications.signed(body, secret, signature):",
        "if not signature:",
        (ANNOUNCED,),
    ),
    Mutation(
        "an announcement is looked at once",
        "writing it again",
        "app/storage/webhooks.py",
        "values(**values).on_conflict_do_nothing()",
        "values(**values | {'event_id': str(id(values))}).on_conflict_do_nothing()",
        (ANNOUNCED,),
    ),
    Mutation(
        "a hook is Commerce's own",
        "signing the body itself",
        "app/commerce/signatures.py",
        "message = base64.b64encode(body)\n    return any",
        "message = body\n    return any",
        (HOOKS,),
    ),
    Mutation(
        "Adobe's keys come from Adobe's host only",
        "following any path",
        "app/commerce/signatures.py",
        "or not _PATH.fullmatch(path):",
        "or False:",
        (HOOKS,),
    ),
    Mutation(
        "an event is for this store's project",
        "for anybody",
        "app/web/commerce/io_events.py",
        "if not all(_recipient(event) in side.io_client_ids for event in events):",
        "if False:",
        (HOOKS,),
    ),
    Mutation(
        "the same shipment of Commerce's is one",
        "forgetting its number",
        "app/intake/commerce_picture.py",
        'return f"commerce-shipment-{told.shipment_id}"',
        'return f"commerce-shipment-{id(told)}"',
        (SHIPMENTS,),
    ),
    Mutation(
        "a shipment that another door told is known",
        "not looking for it",
        "app/intake/commerce_shipments.py",
        "    if found:\n",
        "    if False:\n",
        (SHIPMENTS,),
    ),
    Mutation(
        "a tracking number that was replaced is never gone back to",
        "taking any other number for a correction",
        "app/intake/commerce_shipments.py",
        "track in told.items() if key not in bore]",
        "track in told.items() if key not in {each.key for each in mine}]",
        (SHIPMENTS,),
    ),
    Mutation(
        "an older event corrects nothing",
        "forgetting when a picture was told",
        "app/intake/commerce_picture.py",
        "    late = event.told_at is not None and at < event.told_at\n",
        "    late = False\n",
        (SHIPMENTS,),
    ),
    Mutation(
        "only what Commerce did is done at Walmart",
        "not asking for the result",
        "app/commerce/payloads.py",
        "    done = all(str(result).casefold() in _DONE for result in results)\n",
        "    done = True\n",
        (EVENTS,),
    ),
    Mutation(
        "what Walmart cannot be told stands with its order",
        "only refusing it",
        "app/intake/commerce_events.py",
        "        await _refused(desk, thing, error)\n",
        "        del error\n",
        (EVENTS,),
    ),
    Mutation(
        "what is told before an order is linked waits for it",
        "passing it over",
        "app/intake/commerce_events.py",
        "        await storage.save(connection, waits)\n",
        "        del waits\n",
        (EVENTS,),
    ),
    Mutation(
        "a key of one store reaches no other's doors",
        "asking only for the store",
        "app/web/commerce/orders.py",
        "if store is None or context.caller.store_id not in {None, store}:",
        "if store is None:",
        (DOORS,),
    ),
    Mutation(
        "the same body at Commerce's door is one shipment",
        "making a reference of nothing",
        "app/web/commerce/schemas.py",
        'return f"rest-{hashlib.sha256(said).hexdigest()[:40]}"',
        "return 'rest-' + __import__('secrets').token_hex()",
        (DOORS,),
    ),
    Mutation(
        "several tracking numbers are never guessed",
        "giving all to the first",
        "app/commerce/packages.py",
        "    if len(tracks) == 1:\n",
        "    if len(tracks) >= 1:\n",
        (DOORS,),
    ),
    Mutation(
        "the same file again is harmless",
        "a reference of the moment",
        "app/intake/bulk.py",
        'said = "\\x1f".join(content).encode()',
        "said = str(id(content)).encode()",
        (BULK,),
    ),
    Mutation(
        "no secret is logged",
        "looking for named ones only where there is a colon",
        "app/logs.py",
        'if "=" in text or ":" in text:',
        'if ":" in text:',
        ("tests/unit/test_logs.py",),
    ),
    Mutation(
        "an order is made in Commerce once",
        "not looking for it first",
        "app/sync/creating.py",
        """doubtful=errand.in_doubt)
    if found is not None:
        return _linked(errand, found)
    if errand""",
        """doubtful=errand.in_doubt)
    if errand""",
        (CONNECTOR,),
    ),
    Mutation(
        "an order is made in Commerce once",
        "believing its absence before the quiet period is over",
        "app/sync/creating.py",
        "if not errand.ends_doubt(looked_at):",
        "if not (errand.ends_doubt(looked_at) or True):",
        (CONNECTOR,),
    ),
    Mutation(
        "an order is made in Commerce once",
        "not seeing that somebody has linked it",
        "app/sync/creating.py",
        "if errand.order.commerce_order_number or errand.order.commerce_order_id is not None:",
        "if False:",
        (CONNECTOR,),
    ),
    Mutation(
        "a Commerce that hangs keeps nothing from Walmart",
        "counting its calls with Walmart's",
        "app/storage/due.py",
        "return store_id, kind in TOLD_COMMERCE",
        "return store_id, False",
        (CONNECTOR,),
    ),
    Mutation(
        "a Commerce that hangs keeps nothing from Walmart",
        "letting a shipment wait for its turn behind what Commerce is told",
        "app/storage/optimistic.py",
        "task.state in OPEN for task in self.order.walmart_tasks",
        "task.state in OPEN for task in self.order.tasks",
        (CONNECTOR,),
    ),
    Mutation(
        "a Commerce that refuses stops itself alone",
        "pausing the whole store",
        "app/sync/commerce_verdicts.py",
        'return Pause(Endpoint.COMMERCE, "commerce_credentials_rejected"',
        'return Pause(Endpoint.ALL, "commerce_credentials_rejected"',
        (CONNECTOR,),
    ),
    Mutation(
        "Commerce is told once why an order was canceled",
        "not looking for the comment",
        "app/sync/noting.py",
        "None if order.comments.count(text) > errand.equal_notes else text",
        "text",
        (CONNECTOR,),
    ),
    Mutation(
        "Commerce is told once why an order was canceled",
        "writing over what stands with the payment",
        "app/commerce/orders.py",
        "lines = [*known, line] if isinstance(known, list) else [line]",
        "lines = [line]",
        (CONNECTOR,),
    ),
    Mutation(
        "Commerce is asked for its stock",
        "leaving it at what came with the cancellation",
        "app/storage/stock_following.py",
        "for levels, at in ((given, row.created_at), (asked, None))",
        "for levels, at in ((given, row.created_at),)",
        (CONNECTOR,),
    ),
    Mutation(
        "stock follows a refund",
        "following cancellations alone",
        "app/storage/recording.py",
        "_confirmed(kept, Kind.CANCELLATION), _confirmed(kept, Kind.REFUND))",
        "_confirmed(kept, Kind.CANCELLATION), [])",
        (CONNECTOR,),
    ),
    Mutation(
        "an order that Commerce has and nobody linked is recognised",
        "passing its events over",
        "app/intake/commerce_orders.py",
        "if found is not None or not await stores.pushes_orders(connection, store_id):",
        "if True:",
        (CONNECTOR,),
    ),
    Mutation(
        "Commerce's token goes nowhere else",
        "letting the address change alone",
        "app/intake/store_rules.py",
        'if moved and now["commerce_access_token"] and',
        "if False and",
        (CONNECTOR,),
    ),
    Mutation(
        "nothing of the buyer is kept on the way to Commerce",
        "not knowing Commerce's names for it",
        "app/outbound/redaction.py",
        '"postcode", "zip", "firstname", "lastname",',
        '"postcode", "zip",',
        (CONNECTOR,),
    ),
    Mutation(
        "a call names its market",
        "only the token's",
        "app/walmart/operations.py",
        ", **markets.headers(account.market)}",
        "}",
        ("tests/integration/test_markets.py",),
    ),
    Mutation(
        "a stale shipment is read before it is sent",
        "believing what was known when the backup was made",
        "app/storage/taking.py",
        "ambiguous = chosen.ambiguous OR chosen.stale,",
        "ambiguous = chosen.ambiguous,",
        ("tests/integration/test_stale.py",),
    ),
    Mutation(
        "a fresh shipment is sent without a read",
        "reading first whatever was heard of it",
        "app/storage/taking.py",
        "coalesce(u.known_at, u.created_at)",
        "u.created_at",
        ("tests/integration/test_stale.py",),
    ),
    Mutation(
        "after a restored backup what failed is in doubt too",
        "leaving it to its person",
        "app/storage/recovery.py",
        "'verifying', 'sending', 'failed')\"",
        "'verifying', 'sending')\"",
        (RECOVER,),
    ),
    Mutation(
        "after a restored backup nothing open is sent unread",
        "leaving a pending update as it is",
        "app/storage/recovery.py",
        "u.ambiguous OR (u.state <> 'failed' AND u.kind <> 'inventory')",
        "u.ambiguous",
        (RECOVER,),
    ),
    Mutation(
        "after a restored backup no old stock value is sent",
        "not ending the open ones",
        "app/intake/recover.py",
        "levels = await recovery.end_levels(connection, store_id, until, desk.new_id)",
        "levels: list[Level] = []",
        (RECOVER,),
    ),
    Mutation(
        "after a restored backup no old level follows a cancellation",
        "keeping what came with it",
        "app/intake/recover.py",
        "            levels += await recovery.forget_levels(connection, store_id, until)\n",
        "",
        (RECOVER,),
    ),
    Mutation(
        "after a restored backup no number is given twice",
        "not raising them",
        "app/storage/recovery.py",
        "setval(s, nextval(s) + :margin)",
        "setval(s, nextval(s) + 0 * :margin)",
        (RECOVER,),
    ),
    Mutation(
        "after a restored backup every open order is read",
        "reading only what Walmart lists",
        "app/intake/recover.py",
        "    await reader.read_open(began)\n",
        "",
        (RECOVER,),
    ),
    Mutation(
        "what nothing here asked for is told",
        "counting what Walmart shows as asked for",
        "app/orders/unasked.py",
        "    taken = min(left[key], wanted[update_id])\n",
        "    taken = left[key]\n",
        ("tests/unit/orders/test_unasked.py",),
    ),
    Mutation(
        "nothing is recovered while a poller lives",
        "not showing the poller",
        "app/storage/wakeup.py",
        "                if self._of_poller:\n",
        "                if False:\n",
        ("tests/integration/test_presence.py",),
    ),
    Mutation(
        "an own cap holds over all pollers",
        "not writing down what went",
        "app/storage/claims.py",
        "sorted(taken) if terms.caps else ():",
        "():",
        (CLAIMS,),
    ),
    Mutation(
        "a held row keeps only the result that needs it waiting",
        "letting the whole batch wait for it",
        "app/sync/recorder.py",
        "        except Busy as error:",
        "        except UnboundLocalError as error:",
        (RECORDER,),
    ),
    Mutation(
        "a result whose row is held is written once it is free",
        "dropping it",
        "app/sync/recorder.py",
        "            self._busy.put_nowait(batch[0])\n",
        "            _end(batch)\n",
        (RECORDER,),
    ),
    Mutation(
        "requests for a held order leave connections to others",
        "waiting for the row in PostgreSQL",
        "app/storage/database.py",
        "BRIEF, PATIENT = 100, 5000",
        "BRIEF, PATIENT = 5000, 5000",
        (BUSY,),
    ),
    Mutation(
        "a request for a held order is carried out once it is free",
        "giving up at once",
        "app/storage/again.py",
        "                if loop.time() + pause >= until:\n",
        "                if True:\n",
        (BUSY,),
    ),
    Mutation(
        "each of many retries waits for its own held order",
        "answering that it is busy",
        "app/intake/retry_many.py",
        "await again(",
        "await (lambda work: work())(",
        (BUSY,),
    ),
    Mutation(
        "every operation is run again where a row is held",
        "leaving out corrections of orders",
        "app/web/api/orders.py",
        ", route_class=Operation",
        "",
        (BUSY,),
    ),
    Mutation(
        "a row that is held is no other request's trouble",
        "telling all who asked with it",
        "app/storage/group_commit.py",
        "        except Busy:\n",
        "        except UnboundLocalError:\n",
        (GROUP,),
    ),
    Mutation(
        "sessions that a failover made read-only are closed",
        "keeping them in the pool",
        "app/storage/database.py",
        "        context.is_disconnect = True\n",
        "        pass\n",
        (TROUBLE,),
    ),
    Mutation(
        "connections that a failover made read-only are closed",
        "lending them again",
        "app/storage/direct.py",
        "            self.lending.renew()\n",
        "",
        (LENDING,),
    ),
    Mutation(
        "a process is not ready while nothing can be written",
        "asking only for the schema",
        "app/compose.py",
        "            await connection.exec_driver_sql(_WRITES)\n",
        "            pass\n",
        (TROUBLE,),
    ),
    Mutation(
        "a request is run again once where a migration made its plans stale",
        "calling that a fault of ours",
        "app/storage/trouble.py",
        " or isinstance(cause, _OUTDATED):",
        ":",
        (TROUBLE,),
    ),
    Mutation(
        "a connection that dies while it is set up is told as such",
        "calling that a fault of ours",
        "app/storage/database.py",
        "            with translated(alone=True):\n",
        "            with translated():\n",
        (TROUBLE, RECORDER),
    ),
    Mutation(
        "a listener leaves a server that takes no writes",
        "staying there",
        "app/storage/wakeup.py",
        "                    if await connection.fetchval(_TAKES_NO_WRITES, timeout=10):",
        "                    if await connection.fetchval('SELECT false', timeout=10):",
        (DISPATCH,),
    ),
    Mutation(
        "a lease counts from before the claim's statement",
        "counting from when its answer is read",
        "app/sync/claiming.py",
        "return Taken(going, asked_at, at,",
        "return Taken(going, at, at,",
        (CLAIMS,),
    ),
    Mutation(
        "what is left of a lease counts from before the claim",
        "counting from after it",
        "app/sync/errand.py",
        "(asked_at - self.leased_monotonic)",
        "(asked_at - self.claimed_monotonic)",
        (ERRAND,),
    ),
    Mutation(
        "a renewed lease counts from before the renewal",
        "counting from when its answer is read",
        "app/sync/errand.py",
        "        self.leased_monotonic = asked_at\n",
        "        self.leased_monotonic = self.monotonic()\n",
        (ERRAND,),
    ),
    Mutation(
        "a secret that no header can carry is refused when it is given",
        "looking at the length alone",
        "app/web/api/fields.py",
        'if not text.isascii() or not text.isprintable() or " " in text:',
        "if not text:",
        (STORES,),
    ),
    Mutation(
        "a hostile answer stalls no other store",
        "reading a large one in the loop's thread",
        "app/outbound/exchange.py",
        "if len(reply.body) <= redaction.MOST_EVIDENCE:",
        "if reply.body is not None:",
        (EXCHANGE,),
    ),
    Mutation(
        "a hostile answer stalls no other store",
        "cleaning all of its keys",
        "app/outbound/redaction.py",
        'if len(text) <= MOST_EVIDENCE and text.count(":") <= _MOST_KEYS:',
        "if text:",
        (REDACTION,),
    ),
    Mutation(
        "a hostile answer stalls no other store",
        "a pattern that backtracks",
        "app/outbound/redaction.py",
        'r"(<([\\w.:-]++)(?:\\s[^<>]*+)?>)[^<]++"',
        'r"(<([\\w.:-]+)(?:\\s[^>]*)?>)[^<]+"',
        (REDACTION,),
    ),
    Mutation(
        "a request cannot make the process describe thousands of faults",
        "showing all",
        "app/web/problems.py",
        "errors[:MOST]",
        "errors",
        (EDGE,),
    ),
    Mutation(
        "a request cannot make the process describe thousands of faults",
        "not counting names",
        "app/web/middleware.py",
        'names += body.count(b":")',
        "names += 0",
        (EDGE,),
    ),
    Mutation(
        "a body is received from holders of a key alone",
        "on FastAPI's way",
        "app/web/route.py",
        "return handle_known if self.body_field else handle",
        "return handle",
        (EDGE,),
    ),
    Mutation(
        "large bodies are taken only where many items are sent",
        "everywhere",
        "app/web/middleware.py",
        "return MANY if _MANY.fullmatch(path) else USUAL",
        "return MANY",
        (EDGE,),
    ),
    Mutation(
        "no address is a fault of ours",
        "taking braces for the shape of a route",
        "app/web/shortcut.py",
        'None if "{" in scope["path"] else ',
        "",
        (EDGE,),
    ),
    Mutation(
        "a client that finishes no request takes no connection from others",
        "no time for a header",
        "app/connections.py",
        "        self._limits.closed(event, self.loop.time())\n        self._disarm()",
        '        if event == "header_timeout":\n            return\n        self._limits.closed(event, self.loop.time())\n        self._disarm()',
        (CONNECTIONS,),
    ),
    Mutation(
        "a client that finishes no request takes no connection from others",
        "no cap",
        "app/connections.py",
        "if len(self.connections) > self._limits.connections:",
        "if False:",
        (CONNECTIONS,),
    ),
    Mutation(
        "a client that finishes no request takes no connection from others",
        "cutting slow bodies too",
        "app/connections.py",
        "        self._in_header, self._partial, self._header_bytes = False, False, 0\n        self._disarm()",
        "        self._in_header, self._partial, self._header_bytes = False, False, 0",
        (CONNECTIONS,),
    ),
    Mutation(
        "what a refusal repeats of the buyer is not kept",
        "in the message",
        "app/sync/deliveries.py",
        "outcome = evidence.hidden(outcome, errand.private)",
        "outcome = evidence.hidden(outcome, ())",
        (WORDS,),
    ),
    Mutation(
        "what a refusal repeats of the buyer is not kept",
        "in the evidence",
        "app/sync/deliveries.py",
        "redaction.hide_in(call, errand.private)",
        "redaction.hide_in(call, ())",
        (WORDS,),
    ),
    Mutation(
        "what a refusal repeats of the buyer is not kept",
        "not knowing the buyer of a commerce_order",
        "app/sync/creating.py",
        "    errand.private |= buyer.private\n",
        "",
        (WORDS,),
    ),
    Mutation(
        "what a refusal repeats of the buyer is not kept",
        "not knowing the address in the read after a refusal",
        "app/sync/calls.py",
        "    errand.private |= answer.private\n",
        "",
        (WORDS,),
    ),
    Mutation(
        "what a refusal repeats of the buyer is not kept",
        "not knowing the name in the return that is read",
        "app/sync/refunding.py",
        "    errand.private |= page.private\n",
        "",
        (WORDS,),
    ),
    Mutation(
        "a dismissed update in doubt keeps what it holds",
        "freeing it with any read",
        "app/orders/settlement.py",
        "released = task.state in AT_REST and not task.in_doubt(read_at)",
        "released = task.state in AT_REST",
        (DOUBTS,),
    ),
    Mutation(
        "a refusal names the update in doubt and the time",
        "saying how many remain only",
        "app/orders/allocation.py",
        "if task.in_doubt_until is not None\n    )",
        "if False\n    )",
        (DOUBTS,),
    ),
    Mutation(
        "a doubt ends by the database's clock",
        "timing a read by the host",
        "app/intake/refresh.py",
        "read_at = await lanes.now(connection)",
        "read_at = desk.now()",
        (DOUBTS,),
    ),
    Mutation(
        "a doubt is read to its end by Waybill",
        "leaving it to a person",
        "app/sync/doubts.py",
        "finding = await doubts.conclude(connection, desk, found, order, look)",
        "finding = doubts.Finding('', '')",
        (DOUBTS,),
    ),
    Mutation(
        "a refund in doubt is not paid twice",
        "looking at open refunds only",
        "app/intake/refund.py",
        "doubts = {number: doubt.sentence(*each) for number, each in unclear.items()}",
        "doubts = {number: doubt.sentence(*each) for number, each in unclear.items() if False}",
        (REFUNDS_IN_DOUBT,),
    ),
    Mutation(
        "a refund that landed answers who asks again",
        "forgetting that it landed",
        "app/intake/doubts.py",
        "await kept_refunds.landed(connection, found.store_id, found.id)",
        "pass",
        (REFUNDS_IN_DOUBT,),
    ),
    Mutation(
        "a credit memo goes when the doubt before it ends",
        "waiting for a person",
        "app/storage/commerce_events.py",
        "for ready in (_TAKE, _TAKE_UNDOUBTED):",
        "for ready in (_TAKE,):",
        (REFUNDS_IN_DOUBT,),
    ),
    Mutation(
        "a dismissal reads what each kind is about",
        "reading the order for a refund",
        "app/intake/sight.py",
        "if found.kind is Kind.REFUND:",
        "if False:",
        (DISMISSALS,),
    ),
    Mutation(
        "where a dismissal's read fails it says until when it is in doubt",
        "not saying so",
        "app/intake/doubts.py",
        'return Finding(NOT_READ, f"Walmart could not be read{holds}", until)',
        'return Finding(NOT_READ, f"Walmart could not be read{holds}")',
        (DISMISSALS,),
    ),
    Mutation(
        "a read that lags takes no unit back",
        "believing the last read",
        "app/orders/settlement.py",
        "shipped = seen.shipped if accept else max(seen.shipped, line.shipped)",
        "shipped = seen.shipped",
        (
            LAG,
            SEEN,
        ),
    ),
    Mutation(
        "shipped and canceled units never exceed what was ordered",
        "keeping both",
        "app/orders/settlement.py",
        "surplus = max(shipped + canceled - ordered, 0)",
        "surplus = 0",
        (
            LAG,
            SEEN,
        ),
    ),
    Mutation(
        "nothing is taken back while anything of the order is in doubt",
        "taking it",
        "app/intake/refresh.py",
        "        if task.in_doubt_until is not None:\n            message",
        "        if False:\n            message",
        (LAG,),
    ),
    Mutation(
        "a correction waits for a read that lags behind the one before",
        "refusing it",
        "app/orders/correction.py",
        "return standing(order, newest, snapshot).current in replaced",
        "return False",
        (LAG,),
    ),
    Mutation(
        "a cancellation is of the whole order",
        "canceling the lines that Commerce knew",
        "app/orders/readback.py",
        "return task.kind is Kind.CANCELLATION and any(",
        "return False and any(",
        (WHOLE,),
    ),
    Mutation(
        "a cancellation goes in calls of at most 100 lines",
        "in one call",
        "app/sync/canceling.py",
        "MOST_LINES = 100",
        "MOST_LINES = 1000",
        (WHOLE,),
    ),
    Mutation(
        "the lease is looked at before each part of a cancellation",
        "before the first only",
        "app/sync/canceling.py",
        "        if not await errand.may_write():",
        "        if shown is None and not await errand.may_write():",
        (WHOLE,),
    ),
    Mutation(
        "a refused part of a cancellation keeps no other back",
        "stopping at it",
        "app/sync/canceling.py",
        "            refusal = refusal or error\n            continue",
        "            refusal = refusal or error\n            break",
        (WHOLE,),
    ),
    Mutation(
        "two equal notes are two notes",
        "looking for the text alone",
        "app/sync/noting.py",
        "order.comments.count(text) > errand.equal_notes",
        "text in order.comments",
        (EQUAL_NOTES,),
    ),
    Mutation(
        "an equal note that may still arrive counts",
        "not counting it",
        "app/storage/commerce_updates.py",
        "OR o.in_doubt_until IS NOT NULL)) AS notes",
        ")) AS notes",
        (EQUAL_NOTES,),
    ),
    Mutation(
        "of a shipment goes what can",
        "refusing the whole",
        "app/sync/shipping.py",
        "if again and going.units and (explained or snapshot.created):",
        "if again and going.units and snapshot.created:",
        (PARTIAL,),
    ),
    Mutation(
        "a second refusal is judged for itself",
        "blaming the lines that were left out",
        "app/sync/shipping.py",
        "explained = bool(going.blocked) and going.blocked != sent.blocked",
        "explained = bool(going.blocked)",
        (PARTIAL,),
    ),
    Mutation(
        "units that our other updates hold are not lost at Walmart",
        "taking a lost unit twice",
        "app/orders/allocation.py",
        "return max(line.canceled + by_others - lacking, 0)",
        "return max(line.canceled + by_others, 0)",
        (
            PARTIAL,
            PARTLY,
        ),
    ),
    Mutation(
        "a package of which nothing can go keeps none of the others",
        "refusing all of them",
        "app/intake/commerce_shipments.py",
        "least = 0 if made else 1",
        "least = 1",
        (PARTIAL,),
    ),
    Mutation(
        "a fault of ours ends after some tries",
        "trying for ever",
        "app/sync/backoff.py",
        "if faults >= MOST_FAULTS:",
        "if False:",
        (FAULTS_OF_OURS,),
    ),
    Mutation(
        "a fault leaves no doubt of what did not leave",
        "doubting each",
        "app/sync/deliveries.py",
        "sent=errand.wrote, snapshot=errand.seen)",
        "sent=True, snapshot=errand.seen)",
        (FAULTS_OF_OURS,),
    ),
    Mutation(
        "a correction is confirmed when no older one can arrive",
        "confirming it at once",
        "app/sync/correcting.py",
        "    if until is not None and at < until:",
        "    if False and until and at:",
        (OVERWRITING,),
    ),
    Mutation(
        "what was unclear before the upgrade is in doubt after it",
        "filling in nothing",
        "migrations/versions/2026_11_29_0100_doubt.py",
        "op.execute(_BACKFILL)",
        "pass",
        (MIGRATIONS,),
    ),
)


def main(arguments: list[str]) -> int:
    """Run the mutations; 1 where one was noticed by nobody."""
    words = [word for word in arguments if not word.startswith("--")]
    wanted = [m for m in MUTATIONS if not words or any(word in m.promise for word in words)]
    rows, survived = [], 0
    for mutation in wanted:
        failed = _noticed(mutation)
        survived += not failed
        told = ", ".join(f"`{name}`" for name in failed) or "**none**"
        rows.append(f"| {mutation.promise} | {mutation.how} | {told} |")
        sys.stdout.write(f"{'noticed' if failed else 'SURVIVED'}: {mutation.how}: {told}\n")
    if "--write" in arguments:
        TABLE.write_text(_HEAD + "\n".join(rows) + "\n")
    return 1 if survived else 0


def _noticed(mutation: Mutation) -> list[str]:
    """The names of the tests that fail; at most three, for the first is enough."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copy = Path(folder)
        # PostgreSQL's own account passes through it to nothing of ours.
        for name in (".ci", "app", "deploy", "tests", "migrations", "openapi", "docs"):
            shutil.copytree(ROOT / name, copy / name, ignore=_ignored)
        for name in ("pyproject.toml", "alembic.ini", "README.md", "Makefile"):
            shutil.copy(ROOT / name, copy / name)
        changed = copy / mutation.file
        text = changed.read_text()
        if text.count(mutation.old) != 1:
            raise SystemExit(f"{mutation.file} has changed: {mutation.old!r} is not there once")
        changed.write_text(text.replace(mutation.old, mutation.new))
        command = [sys.executable, "-m", "pytest", "-q", "--maxfail=3", "-p", "no:cacheprovider"]
        try:
            run = subprocess.run(
                [*command, *mutation.tests],
                cwd=copy,
                capture_output=True,
                text=True,
                check=False,
                timeout=_HANGS,
            )
        except subprocess.TimeoutExpired:
            return ["the tests do not end"]
    names = re.findall(r"^(?:FAILED|ERROR) \S+?::(\w+)", run.stdout, re.MULTILINE)
    return list(dict.fromkeys(names))


def _ignored(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name in {"node_modules", "__pycache__"}]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
