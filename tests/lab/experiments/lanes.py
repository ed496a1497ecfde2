# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every supported way to make a kdump image, crashed and verified: ``make lanes``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.summary import summary
from lab.errors import LabError
from lab.experiment import Case, Experiment, Guest, Outcome, Trial
from lab.machine import Machine
from lab.plays import Plays
from lab.wire import Traffic

_SETTINGS = "/etc/default/kdump-tools"
_NORMAL = "/var/tmp/normal.img"
_BUILD_SECONDS = 900

# Where the helper has files, with names, permissions and content; the kdump image is looked into instead.
_FILES = r"""
cd / && find etc usr/local usr/lib/dracut usr/lib/systemd ! -type d -printf '%p %m %l\n' 2>/dev/null | sort
find etc usr/local usr/lib/dracut usr/lib/systemd -type f -exec sha256sum {} + 2>/dev/null | sort
find etc usr/local usr/lib/dracut usr/lib/systemd -type d | sort
"""

# initramfs-tools runs its hooks, and dracut sources its configuration: either ends with an error.
_BREAK = r"""
for directory in /etc/initramfs-tools/hooks /etc/dracut.conf.d; do
    [ -d "$directory" ] || continue
    printf '%s\n' '#!/bin/sh' '[ "$1" = prereqs ] || exit 1' >"$directory/lab-fails.conf"
    chmod 755 "$directory/lab-fails.conf"
done
"""
_MEND = "rm -f /etc/initramfs-tools/hooks/lab-fails.conf /etc/dracut.conf.d/lab-fails.conf"
_ARMED = "cat /sys/kernel/kexec_crash_loaded"
_PUT_BACK = "The previous files and image are back and the capture kernel is loaded as before."
_CHANGED_HELPER = "#!/bin/sh\n# Not the helper that is installed.\n"


class Lane(NamedTuple):
    """A guest, its devices, and what is different about it."""

    image: str
    profile: str = "vtd"
    variables: Mapping[str, Any] = MappingProxyType({})  # of the playbooks
    needs: str | None = None  # an environment variable without which the image cannot be made
    normal_image: str | None = None  # a command that makes an image as for the normal boot, _NORMAL
    power_cut: bool = False  # in the middle of a rebuild, once
    setting: str | None = None  # one line more in kdump-tools' file


LANES = {
    "debian13": Lane("debian13", power_cut=True),
    "debian12": Lane("debian12"),
    "debian13-dracut": Lane(
        "debian13-dracut",
        # As the kdump image is made, but for its place.
        normal_image="dracut --quiet --force --no-hostonly --add systemd --drivers 'virtio_blk ext4'"
        f" --omit 'i18n plymouth resume lvm mdraid dm crypt btrfs multipath network nfs iscsi' {_NORMAL}",
    ),
    # Linux 5.10 before 5.10.234 resets no bus for anybody: registers are all there is.
    # For four ports that is more than a hundred processes, which takes ten seconds under emulation.
    "bullseye": Lane(
        "bullseye",
        variables={"pcie_reset_policy": {"sbr": "fallback"}},
        setting='KDUMP_CMDLINE_APPEND="reset_devices systemd.unit=kdump-tools-dump.service nr_cpus=1 irqpoll nousb'
        ' pcie_reset.deadline=60"',
    ),
    "quiesce": Lane("debian13", "quiesce", variables={"pcie_reset_stage": "quiesce"}),
    "quiesce-secure-boot": Lane(
        "debian13", "secure-boot", variables={"pcie_reset_stage": "quiesce"}
    ),
    "passthrough": Lane("debian13", profile="passthrough"),
    "amdvi": Lane("debian13", "amdvi"),
    "amdvi-quiesce": Lane("debian13", "amdvi", variables={"pcie_reset_stage": "quiesce"}),
    "smmuv3": Lane("debian13-arm64", "smmuv3"),
    "smmuv3-quiesce": Lane("debian13-arm64", "smmuv3", variables={"pcie_reset_stage": "quiesce"}),
    "linux-7.3": Lane("debian13-backports"),
    "debian-testing": Lane("debian-testing"),
    "debian-testing-dracut": Lane("debian-testing-dracut"),
    "kdump-utils": Lane("kdump-utils", needs="LAB_KDUMP_UTILS"),
    "suse-kdump": Lane("suse-kdump", needs="LAB_SUSE_KDUMP"),
}


def _try(lane: Lane, trial: Trial) -> Outcome:
    host, plays = trial.host, trial.plays
    with Traffic(host.wires):
        if lane.profile == "passthrough":
            host.start("passthrough.py", host.addresses()["passed"])
            virtual = host.addresses()["virtual"]
            host.ssh(f"echo 2 >/sys/bus/pci/devices/{virtual}/sriov_numvfs", timeout=120)
        if lane.setting:
            line = shlex.quote(lane.setting)
            host.ssh(f"echo {line} >>{_SETTINGS}; kdump-config reload", timeout=_BUILD_SECONDS)
        advice = plays.without_makedumpfile()
        before = host.ssh(_FILES, timeout=120)
        plays.run("configure")
        proof = plays.module("initramfs_info")["proof"]
        print("\n".join((proof["statement"], *(f"    {line}" for line in proof["evidence"]))))
        _look_for_traces(lane, host, plays)
        if plays.install()["changed"]:
            raise LabError("Installing the helper a second time changed the host.")
        changed = _changed_helper(lane)
        _fail_to_rebuild(host, plays, changed)
        if lane.power_cut:
            _cut_power_in_a_rebuild(host, plays, changed)
        code = plays.play("crash_test")
        path, record = plays.record()
        print(f"\n{summary(record)}\n\nResult record: {path}")
        _remove(host, Plays(host, **{**plays.variables, "pcie_reset_state": "absent"}), before)
    row = (
        record["kernel"]["before"],
        "proven" if proof["proven"] else f"NOT PROVEN: {proof['why_not']}",
        _reset(record["reset"]),
        record["vmcore"]["verdict"] if record["vmcore"] else "none",
        record["verdict"],
    )
    wrong = [record["why"]] if code or record["verdict"] != "passed" else []
    return Outcome([row], advice + ([] if wrong else [record["why"]]), wrong)


def _changed_helper(lane: Lane) -> dict[str, Any]:
    """Arguments with which pcie_reset_helper, called by itself, installs another helper for the stage of the lane."""
    stage = lane.variables.get("pcie_reset_stage", "initramfs")
    return {"files": {"pcie-reset": _CHANGED_HELPER}, "stage": stage}


def _fail_to_rebuild(host: Machine, plays: Plays, changed: dict[str, Any]) -> None:
    """Raises LabError if a rebuild that fails leaves anything but the host as it was, armed with the old image."""
    image = plays.module("initramfs_info")["image"]["path"]
    look = f"{_FILES}sha256sum {image}; stat -c '%n %s %Y' {image}*; {_ARMED}"
    before = host.ssh(look, timeout=120)
    host.ssh(_BREAK)
    sentence = None
    try:
        plays.module("pcie_reset_helper", **changed)
    except LabError as error:
        sentence = str(error)
    finally:
        host.ssh(_MEND)
    if sentence is None:
        raise LabError("Installing another helper did not fail, although no image can be built.")
    if not sentence.endswith(_PUT_BACK):
        raise LabError(f"A rebuild that failed was not taken back: {sentence}")
    after = host.ssh(look, timeout=120)
    _require_same("A rebuild that failed changed the host", before, after)
    if before.splitlines()[-1] != "1":
        raise LabError("After a rebuild that failed, no capture kernel is loaded.")
    print(f"{sentence}\nAll files and the image are as before, and kdump is armed.", flush=True)


def _cut_power_in_a_rebuild(host: Machine, plays: Plays, changed: dict[str, Any]) -> None:
    """Raises LabError if the host does not boot with an armed kdump, or the next installation does not mend it."""
    image = plays.module("initramfs_info")["image"]["path"]
    with ThreadPoolExecutor(1) as background:
        # Its connection ends with the host.
        installation = background.submit(plays.module, "pcie_reset_helper", **changed)
        host.ssh(f"while [ -e {image} ]; do sleep 0.1; done; sync", timeout=_BUILD_SECONDS)
        left = host.ssh(f"ls {image}*").split()
        armed = host.ssh(_ARMED).strip()
        host.cut_power()
    if not isinstance(installation.exception(), LabError):
        raise LabError("The installation ended before the power was cut.")
    print(f"The power was cut when there were {', '.join(left)} and kdump was armed ({armed}).")
    if host.ssh(_ARMED).strip() != "1" or armed != "1":
        raise LabError("A power cut in the middle of a rebuild left a host that is not armed.")
    if not plays.install()["changed"]:
        raise LabError("The installation after a power cut left the changed helper in place.")
    if plays.install()["changed"]:
        raise LabError("The installation after a power cut was not complete.")
    left = host.ssh(f"ls {image}*").split()
    if left != [image]:
        raise LabError(f"The installation after a power cut left {', '.join(left)}.")
    print("It booted with an armed kdump, and the next installation made it whole.", flush=True)


def _require_same(what: str, before: str, after: str) -> None:
    differing = sorted(set(before.splitlines()) ^ set(after.splitlines()))
    if differing:
        raise LabError(f"{what}: {'; '.join(differing)}")


def _remove(host: Machine, plays: Plays, before: str) -> None:
    """Raises LabError if the host has other files than before the installation, or an image with a trace of it."""
    plays.run("configure")
    after = host.ssh(_FILES, timeout=120)
    _require_same("Removing the helper did not give back the files", before, after)
    traces = plays.module("initramfs_info")["helper"]["traces"]
    if traces:
        raise LabError(f"The kdump image without the helper has {', '.join(traces)}.")
    print("The helper is removed: all files are as before, and the image has no trace of it.")


def _look_for_traces(lane: Lane, host: Machine, plays: Plays) -> None:
    """Raises LabError if an image of the normal boot has anything of the helper."""
    images = [host.ssh("echo /boot/initrd.img-$(uname -r)").strip()]
    if lane.normal_image:
        host.ssh(lane.normal_image, timeout=_BUILD_SECONDS)
        images.append(_NORMAL)
    for image in images:
        traces = plays.module("initramfs_info", path=image)["helper"]["traces"]
        if traces:
            raise LabError(f"The image of the normal boot {image} has {', '.join(traces)}.")
        print(f"{image}, of the normal boot, has no trace of the helper.", flush=True)


def _reset(report: dict[str, Any] | None) -> str:
    """The helper's report in a cell: C(3 of 3 in 1.4 s (bus, reset_subordinate))."""
    if report is None:
        return "no report"
    counts = report["summary"]
    methods = sorted({port["method"] for port in report["ports"] if port["method"]})
    return (
        f"{counts['reset']} of {counts['planned']} in {counts['seconds']:.1f} s"
        f" ({', '.join(methods)})"
    )


EXPERIMENT = Experiment(
    "lanes",
    "crash and verify every kind of kdump image",
    ("kernel", "proof", "reset", "dump", "verdict"),
    {
        name: Case(
            partial(_try, lane),
            (Guest(f"lane-{name}", lane.profile, lane.image),),
            lane.variables,
            lane.needs,
        )
        for name, lane in LANES.items()
    },
    configure=False,
)
