# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
import time
import typing as t
import uuid

from ansible.utils.display import Display
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.arguments import (
    ARGUMENTS,
    CHECK_OPTIONS,
    MUTUALLY_EXCLUSIVE,
    RESUME_HINT,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.deadline import (
    Deadline,
    scaled_timeout,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import lost_record
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.remote_dump import (
    expectation,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import (
    probe_command,
    running_boot,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.summary import summary
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.answers import (
    arrived_dumps,
    own_state,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.console import (
    Console,
    open_console,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.host import RemoteHost
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.judgement import (
    believed,
    record_of_lost,
    with_console,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.permission import (
    Permission,
    requester,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.records import Records
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.watch import watching
from ansible_collections.vmcore.kdump.plugins.plugin_utils._host import HostAction
from ansible_collections.vmcore.kdump.plugins.plugin_utils._refusal import (
    Refusal,
    of_preparation,
    refused,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import clean

display = Display()

Result = dict[str, t.Any]

_POLL_SECONDS = 3
# From the trigger to the panic, and as long again before anybody calls it no crash.
_CRASH_SECONDS = 60


class ActionModule(HostAction):
    """Crash a host on purpose, wait until it is back, and judge the dump it took."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        """Run the whole test; the result holds the record, also when the test failed."""
        result: Result = super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        self._remote = RemoteHost(self, self._task_vars)
        self._host = self._remote.name
        _validation, options = self.validate_argument_spec(
            argument_spec=ARGUMENTS, mutually_exclusive=MUTUALLY_EXCLUSIVE
        )
        self._options: Result = options
        self._permission = Permission(self, self._task_vars, options)
        if options["state"] == "cancelled":
            return {**result, **self._cancel()}
        mistake = self._permission.mistake()
        if mistake:
            return {**result, "failed": True, "changed": False, "msg": mistake}
        # What can fail on the controller fails here, before anything is crashed.
        self._records = Records(options["results_directory"], trial=not self._task.check_mode)
        if self._task.check_mode:
            return {**result, **(self._unfinished() if options["resume"] else self._preview())}
        refusal = self._permission.refusal() or self._objection()
        if refusal:
            return {**result, **self._refuse(refusal)}
        not_confirmed = self._permission.not_confirmed()
        if not_confirmed:
            return {**result, "failed": True, "changed": False, "msg": not_confirmed}
        self._dumps, left_out = arrived_dumps(options["dumps"])
        for why in left_out:
            display.warning(why)
        with open_console(options["console"], options["console_command"]) as console:
            return {**result, **self._test(console)}

    def _test(self, console: Console) -> Result:
        """Begin a test or find the one that was begun, and finish it."""
        self._remote.notice_dead_peers()
        begun = self._resume() if self._options["resume"] else self._begin()
        if begun.get("failed") or "state" not in begun:
            return begun
        self._remote.forget_session()
        state = begun["state"]
        console.of_test(state["run_id"])
        if self._options["resume"]:
            console.rewind(state["run_id"], self._records.seen_before(state))
        lost = self._wait(state, console)
        if lost:
            return self._conclude({"record": lost, "lost": True, "changed": True})
        if state.get("dump_host") and self._dumps is None:
            return {"changed": True, "lost": False, "expected": expectation(state)}
        outcome = self._remote.step(
            "collect",
            run_id=state["run_id"],
            observed=console.observed,
            recovery=self._options["recovery"],
            dumps=self._dumps,
            with_logs=console.size is not None,
        )
        if "record" not in outcome:
            # The state stays on the host, whatever kept the module from judging the dump.
            hint = "" if outcome.get("unanswered") else f" {RESUME_HINT}"
            return {
                **outcome,
                "failed": True,
                "changed": True,
                "msg": f"{outcome.get('msg')}{hint}",
            }
        outcome["record"] = believed(
            outcome["record"], state, self._records, self._dumps, console.stage
        )
        return self._conclude({**with_console(outcome, console), "changed": True})

    def _begin(self) -> Result:
        """Prepare the host and trigger its crash. From the first record on it may be gone at any time."""
        run_id = str(uuid.uuid4())
        prepared = self._remote.step(
            "prepare",
            run_id=run_id,
            host=self._host,
            requested_by=requester(self._task_vars),
            **{option: self._options[option] for option in CHECK_OPTIONS},
        )
        if prepared.get("failed"):
            refusal = of_preparation(self._host, prepared)
            checks = {"checks": prepared["checks"]} if "checks" in prepared else {}
            return self._refuse(refusal, **checks) if refusal else prepared
        state: Result = prepared["state"]
        refusal = self._permission.wrong_machine(state["boot_id"])
        mistake = self._mistaken(state, prepared, run_id)
        if refusal or mistake:
            # Nobody triggers it any more.
            self._remote.step("cancel", requested_by=requester(self._task_vars))
        if mistake:
            return {"failed": True, "changed": False, "checks": prepared["checks"], "msg": mistake}
        if refusal:
            return self._refuse(refusal, checks=prepared["checks"])
        self._store_unfinished(state, "armed", {})
        begun = self._remote.step("trigger", run_id=run_id)
        delay = state["trigger"]["delay"]
        if begun.get("failed") and not begun.get("refused"):
            # Nobody knows whether the trigger got there. The host will tell.
            display.warning(begun["msg"])
            begun = {}
        elif begun.get("failed"):
            record = lost_record(
                state, stage="armed", why=f"Nothing was crashed: {begun['msg']}", now=time.time()
            )
            return {**self._conclude({"record": record}), "changed": True}
        display.display(
            f"[{self._host}] crash test {run_id}: it crashes in {delay} s", color="yellow"
        )
        # What was agreed before the trigger stays; the host adds when it was.
        told = begun.get("state") or state
        triggered = {key: told[key] for key in ("trigger", "triggered_at") if key in told}
        return {"state": {"triggered_at": time.time(), **state, **triggered}}

    def _mistaken(self, state: Result, prepared: Result, run_id: str) -> str | None:
        """What only the answer of the host shows, and somebody has to put right; None when there is nothing."""
        try:
            own_state(state, self._host, run_id)
        except KdumpError as error:
            return str(error)
        return self._no_room(prepared)

    def _objection(self) -> Refusal | None:
        """What the play itself found to speak against the crash, before it asked for the test."""
        why = self._options["objection"]
        if not why or self._options["resume"]:
            return None
        return Refusal("not_ready", f"{self._host} was not crashed: {clean(why)}")

    def _refuse(self, refusal: Refusal, **known: t.Any) -> Result:
        """Leave the host as it is. Whether others are crashed is for the operator to say."""
        skip = self._options["refused"] == "skip"
        if not self._task.check_mode and not self._options["resume"]:
            self._records.keep_refusal(self._host, refusal)
        if skip:
            line = f"[{self._host}] refused ({refusal.code}): {refusal.why}"
            display.display(clean(line), color="yellow")
        return refused(refusal, skip=skip, **known)

    def _no_room(self, checked: Result) -> str | None:
        expected = checked.get("expected_bytes") if self._options["room_for_dump"] else None
        return self._records.no_room(expected)

    def _resume(self) -> Result:
        """Find the test that was begun. One that is finished has its record."""
        begun = self._of_state(self._wait_for_state())
        state = begun.get("state")
        if state and state["status"] == "finished":
            record = believed(state["record"], state, self._records, self._dumps)
            return self._conclude({"record": record, "changed": False})
        return begun

    def _of_state(self, answer: Result) -> Result:
        """The answer that has the state of a test of this very host, or a result that says why it has none."""
        if answer.get("failed"):
            return {key: value for key, value in answer.items() if key != "state"}
        state = answer.get("state")
        if state is None or (state["status"] == "finished" and not state.get("record")):
            none = f"{self._host} has no crash test that could be finished."
            return self._refuse(Refusal("no_test", none))
        try:
            own_state(state, self._host)
        except KdumpError as error:
            return {"failed": True, "msg": str(error)}
        return answer

    def _unfinished(self) -> Result:
        """Say which test would be finished."""
        found = self._of_state(self._remote.step("state"))
        state = found.get("state")
        if state is None:
            return found
        over = state["status"] == "finished"
        word = "is finished and would be shown again" if over else "would be finished"
        test = f"The crash test {state['run_id']} of {self._host}, asked for by {state['requested_by']},"
        line = clean(f"{test} {word}.")
        display.display(f"[{self._host}] {line}")
        return {"changed": not over, "ready": True, "msg": line}

    def _wait_for_state(self) -> Result:
        """Ask the host for its test until it answers: it may just have been switched on."""
        timeout = self._options["timeout"] or scaled_timeout(None)
        start = time.monotonic()
        while True:
            begun = self._remote.step("state")
            elapsed = time.monotonic() - start
            if not begun.pop("unanswered", False) or elapsed > timeout:
                return begun
            display.display(f"[{self._host}] {elapsed:4.0f} s | no answer yet")
            self._remote.drop_session()
            time.sleep(_POLL_SECONDS)

    def _conclude(self, outcome: Result) -> Result:
        """Store and show the record; the verdict decides about the task."""
        record = outcome["record"]
        path = self._records.keep(record)
        if path:
            outcome["record_path"] = str(path)
        display.display(clean(summary(record)))
        passed = record["verdict"] == "passed"
        cause = f" Most likely cause: {record['cause']['sentence']}" if record.get("cause") else ""
        if record.get("boot_id", {}).get("after"):
            self._permission.note(record["boot_id"]["after"])
        return {
            "lost": False,
            **outcome,
            "failed": not passed,
            "msg": clean(f"{record['why']}{cause}"),
        }

    def _store_unfinished(self, state: Result, stage: str, observed: dict[str, float]) -> None:
        """Keep a record for the case that this process ends now and writes nothing any more."""
        why = f"The test is under way; if nobody waits for it any more: {RESUME_HINT}"
        record = lost_record(
            state, stage=stage, why=why, now=time.time(), verdict="inconclusive", observed=observed
        )
        self._records.keep(record)

    def _preview(self) -> Result:
        """Check the host and say what would confirm its crash."""
        done = self._remote.step(
            "preflight", **{option: self._options[option] for option in CHECK_OPTIONS}
        )
        if "checks" not in done:
            refusal = self._permission.refusal() or of_preparation(self._host, done)
            return self._refuse(refusal) if refusal else done
        token = self._permission.token()
        known = {"token": token, "confirmed": self._permission.is_confirmed()}
        refusal = (
            self._permission.refusal()
            or self._permission.wrong_machine(done["boot_id"])
            or self._objection()
        )
        no_room = self._no_room(done)
        controller = {"results_room": no_room}
        if refusal:
            controller[refusal.code] = refusal.why
        own = [
            {"name": name, "status": "failed", "detail": why}
            for name, why in controller.items()
            if why
        ]
        known["checks"] = [*own, *done["checks"]]
        if no_room:
            return {**done, **known, "ready": False, "failed": True, "msg": no_room}
        if done.get("failed"):
            refusal = refusal or of_preparation(self._host, done)
        if refusal:
            return {**done, **known, "ready": False, **self._refuse(refusal)}
        confirms = (
            f" {self._host} or the token {token} of this play confirms it"
            " (crash_test_confirm of the role)."
        )
        return {**done, **known, "msg": f"{done['msg']}{confirms if done.get('ready') else ''}"}

    def _cancel(self) -> Result:
        return self._remote.step("cancel", requested_by=requester(self._task_vars))

    def _wait(self, state: Result, console: Console) -> Result | None:
        """Wait until there is something to collect; return the record of a host that is lost instead."""
        deadline = Deadline(
            self._options["timeout"] or scaled_timeout(state["platform"].get("memory_bytes"))
        )
        command = probe_command(state["dump_directory"])
        no_crash = state["trigger"]["delay"] + _CRASH_SECONDS
        noted = functools.partial(self._store_unfinished, state)
        with watching(self._host, console, noted, every=_POLL_SECONDS) as watch:
            while True:
                time.sleep(_POLL_SECONDS)
                probe = self._remote.probe(command)
                where = running_boot(probe, state["boot_id"]) if probe else "no answer"
                dump = probe.dump_kib if probe else None
                watch.found(where, dump)
                elapsed = watch.look()
                if where == "normal kernel" or (where == "same boot" and elapsed > no_crash):
                    display.display(f"[{self._host}] {elapsed:4.0f} s | {where}")
                    return None
                deadline.saw(elapsed, console=console.size, dump=dump, where=probe and where)
                if deadline.passed(elapsed):
                    break
        why = f"The host is not back in its normal kernel after {elapsed:.0f} s ({where})."
        return record_of_lost(
            state,
            console,
            why=f"{why} {RESUME_HINT}",
            elapsed=elapsed,
            recovery=self._options["recovery"],
        )
