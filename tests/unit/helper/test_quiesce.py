# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes the quiesce stage of a host: its image, its command line, and when it refuses to."""

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import (
    BEGIN,
    END,
    split,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import read_image
from ansible_collections.vmcore.kdump.tests.unit.helper.capture_kernel import SCRIPTS
from ansible_collections.vmcore.kdump.tests.unit.images import unpack_foreign
from ansible_collections.vmcore.kdump.tests.unit.pci_drivers import add_driver

MIB = 1 << 20
# What is in the image of the stage, at the place that it has on the host.
IN_THE_IMAGE = ("pcie-reset", "guard", "lib.sh", "local-apic", "secondary-bus-reset")

PROGRAM = b"\x7fELF"

PLAN = "version 2\nport 0000:00:02.0 reset_subordinate 0000:01:00.0=8086:10d3:020000\n"

SYMBOLS = """\
ffffffffbbbbf850 t virtio_pci_driver_init
ffffffffbbdca814 d __initcall__kmod_virtio_pci__576_821_virtio_pci_driver_init6
ffffffffbbdca818 d __initcall__kmod_virtio_pci_modern__577_8_other_init6
ffffffffbbdca81c d __initcall__kmod_8250_pci__410_6201_serial_pci_driver_init6
ffffffffbbdca820 d __initcall__kmod_pcieportdrv__332_829_pcie_portdrv_init6
ffffffffbbdca824 d __initcall__kmod_xhci_pci__98_1000_xhci_pci_init6
ffffffffbbdca828 d __initcall__kmod_agp__5_6_agp_init6
ffffffffbbdca82c d __initcall__kmod_agp_amd__5_6_agp_init6
ffffffffbbdca830 d __initcall__kmod_early_bits__5_6_early_fn1
"""


class Host:
    """Built-in and loaded PCI drivers, a kernel, its kdump image, and what is reserved."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / "var"
        self.kernel = root / "boot/vmlinuz"
        self.initramfs = root / "boot/initrd"
        self.lib = root / "lib"
        self.tools = root / "tools"
        for directory in ("boot", "lib", "tools", "etc/pcie-reset", "sys/kernel", "proc"):
            (root / directory).mkdir(parents=True)
        for name in ("quiesce", "quiesce-init", *IN_THE_IMAGE):
            if name == "local-apic":
                (self.lib / name).write_bytes(PROGRAM)
            else:
                (self.lib / name).symlink_to(SCRIPTS / name)
        # Not everywhere installed.
        for name in ("kexec", "setpci"):
            (self.tools / name).write_text("#!/bin/sh\n")
            (self.tools / name).chmod(0o755)
        (root / "etc/pcie-reset/plan").write_text(PLAN)
        (root / "proc/kallsyms").write_text(SYMBOLS)
        self.header(0x202, b"HdrS", 0x260, (56 * MIB).to_bytes(4, "little"))
        self.initramfs.write_bytes(b"\x28\xb5\x2f\xfd" + os.urandom(8000))
        self.reserve(320)
        self.driver("virtio-pci", "virtio_pci", "0000:02:00.0")
        self.driver("serial", "8250_pci", "0000:03:00.0")
        self.driver("pcieport", "pcieportdrv", "0000:00:02.0")
        self.driver("e1000e", "e1000e", "0000:01:00.0", loaded=True)

    def header(self, offset: int, magic: bytes, size_offset: int, size: bytes) -> None:
        header = bytearray(4096)
        header[offset : offset + len(magic)] = magic
        header[size_offset : size_offset + len(size)] = size
        self.kernel.write_bytes(header)

    def arm64(self) -> None:
        self.header(0x38, b"ARM\x64", 0x10, (56 * MIB).to_bytes(8, "little"))

    def reserve(self, mib: int) -> None:
        (self.root / "sys/kernel/kexec_crash_size").write_text(f"{mib * MIB}\n")

    def driver(
        self, name: str, module: str | None, function: str | None, loaded: bool = False
    ) -> None:
        driver = add_driver(self.root, name, module, loaded)
        if function:
            (driver / function).mkdir()

    def make(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", str(self.lib / "quiesce"), str(self.kernel), str(self.initramfs)],
            env={
                "PCIE_RESET_ROOT": str(self.root),
                "PCIE_RESET_STATE": str(self.state),
                "PATH": f"{self.tools}:/usr/sbin:/usr/bin:/sbin:/bin",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def made(self) -> tuple[dict[str, t.Any], str]:
        done = self.make()
        assert (done.returncode, done.stderr) == (0, "")
        assert {path.name for path in self.state.iterdir()} == {"quiesce.img", "quiesce.words"}
        files = read_image((self.state / "quiesce.img").read_bytes(), unpack_foreign)
        return files, (self.state / "quiesce.words").read_text()

    def refusal(self) -> str:
        done = self.make()
        assert done.returncode == 1
        assert [path.name for path in self.state.iterdir()] == ["quiesce.refused"]
        text = (self.state / "quiesce.refused").read_text().strip()
        assert done.stderr.endswith(f"without the quiesce stage. {text}\n")
        return text


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "host").mkdir()
    return Host(tmp_path / "host")


def blacklist(words: str) -> list[str]:
    found = [word for word in words.split() if word.startswith("initcall_blacklist=")]
    assert len(found) == 1
    return found[0].partition("=")[2].split(",")


def test_image_has_all_that_both_stages_need(host: Host) -> None:
    files, _words = host.made()
    assert files["init"].data == (SCRIPTS / "quiesce-init").read_bytes()
    assert files["init"].mode & 0o111
    assert files["etc/pcie-reset/plan"].data == PLAN.encode()
    for name in IN_THE_IMAGE:
        assert files[f"usr/local/lib/pcie-reset/{name}"].data == (host.lib / name).read_bytes()
    assert files["capture/kernel"].data == host.kernel.read_bytes()
    assert files["capture/initramfs"].data == host.initramfs.read_bytes()
    assert bytes(files["capture/sizes"].data) == b"4096 8004\n"
    for directory in ("proc", "sys", "dev", "run"):
        assert directory in files


def test_nothing_is_written_beside_the_temporary_directory(host: Host) -> None:
    """Everybody may write there: a name that can be foretold is a link that root would follow."""
    elsewhere = host.root / "elsewhere"
    (host.tools / "mktemp").write_text(
        f"#!/bin/sh\nmkdir -m 700 {host.root}/temporary\necho {host.root}/temporary\n"
        f"for name in .symbols .tree .new; do ln -s {elsewhere} {host.root}/temporary$name; done\n"
    )
    (host.tools / "mktemp").chmod(0o755)
    host.made()
    assert not elsewhere.exists()
    assert not (host.root / "temporary").exists()


def test_programs_run_in_the_image(host: Host) -> None:
    host.made()
    tree = host.root / "tree"
    tree.mkdir()
    image = (host.state / "quiesce.img").read_bytes()
    subprocess.run(["cpio", "-id", "--quiet"], input=image, cwd=tree, check=True)
    loader = next(tree.glob("lib*/ld-*"), None)
    assert loader is not None
    libraries = ":".join({str(path.parent) for path in tree.rglob("*.so.*")})
    for tool in ("bin/cat", "usr/local/lib/pcie-reset/bin/head"):
        done = subprocess.run(
            [str(loader), "--library-path", libraries, str(tree / tool), str(tree / "init")],
            capture_output=True,
            check=True,
            env={},
        )
        assert done.stdout


def test_command_line_holds_back_iommu_and_built_in_drivers_and_no_other(host: Host) -> None:
    _files, words = host.made()
    assert words.startswith(f"{BEGIN} ")
    assert words.endswith(f" {END}\n")
    assert {"intremap=off", "pcie_ports=compat", "panic=10", "oops=panic"} <= set(words.split())
    assert blacklist(words) == ["pci_iommu_init", "virtio_pci_driver_init"]
    assert split(f"ro quiet {words}").capture == ["ro", "quiet"]


def test_driver_without_a_module_directory_is_found_by_its_name(host: Host) -> None:
    host.driver("xhci-pci", None, None)
    assert "xhci_pci_init" in blacklist(host.made()[1])


def test_name_of_two_initcalls_is_left_out_only_for_a_device(host: Host) -> None:
    host.driver("agp", "agp", None)
    assert "agp_init" not in blacklist(host.made()[1])
    (host.root / "sys/bus/pci/drivers/agp/0000:00:00.0").mkdir()
    assert "agp_init" in blacklist(host.made()[1])


def test_driver_that_cannot_be_held_back_is_refused_only_with_a_device(host: Host) -> None:
    host.driver("vmd", "vmd", None)
    host.made()
    (host.root / "sys/bus/pci/drivers/vmd/0000:00:0e.0").mkdir()
    assert host.refusal() == (
        "The PCI driver vmd is built into this kernel and has 0000:00:0e.0, and /proc/kallsyms does not name its"
        " initcall, by which the first stage would keep it away."
    )


def test_too_little_memory_is_refused_with_the_size(host: Host) -> None:
    host.reserve(192)
    assert host.refusal() == (
        "The quiesce stage needs 249 MiB, and 192 MiB are reserved: set crashkernel=249M or more and reboot."
    )
    host.reserve(249)
    host.made()


def test_kernel_of_another_architecture_is_refused(host: Host) -> None:
    host.kernel.write_bytes(b"MZ" + bytes(4094))
    assert host.refusal() == (
        f"{host.kernel} is no kernel for x86_64 and no uncompressed Image for arm64, for which the quiesce stage is."
    )


def test_arm64_kernel_holds_back_the_smmu_and_waits_for_none(host: Host) -> None:
    host.arm64()
    _files, words = host.made()
    assert blacklist(words) == ["arm_smmu_driver_init", "virtio_pci_driver_init"]
    assert "fw_devlink=permissive" in words.split()
    assert not {"intremap=off", "no_timer_check"} & set(words.split())
    host.reserve(192)
    assert "needs 249 MiB" in host.refusal()


@pytest.mark.parametrize(
    ("lockdown", "refused"),
    [
        ("[none] integrity confidentiality\n", False),
        ("none [integrity] confidentiality\n", True),
        ("none integrity [confidentiality]\n", True),
    ],
)
def test_arm64_kernel_that_is_locked_down_is_refused(
    host: Host, lockdown: str, refused: bool
) -> None:
    path = host.root / "sys/kernel/security/lockdown"
    path.parent.mkdir()
    path.write_text(lockdown)
    host.made()  # kexec_file_load hands everything on there
    host.arm64()
    if refused:
        assert host.refusal() == (
            f"This kernel is locked down ({lockdown.strip()}), and on arm64 its first stage could then not load the"
            " second kernel."
        )
    else:
        host.made()


def test_missing_initramfs_or_tool_is_refused_and_the_old_image_is_gone(host: Host) -> None:
    host.made()
    host.initramfs.unlink()
    assert host.refusal() == f"{host.initramfs} does not exist."
    host.initramfs.write_bytes(b"x")
    plan = host.root / "etc/pcie-reset/plan"
    plan.write_text(PLAN.replace("reset_subordinate", "reset_subordinate,sbr"))
    assert "bin/setpci" in host.made()[0]


# --- kdump-config reads its settings

KDUMP_CONFIG = """\
#!/bin/sh
KDUMP_CMDLINE_APPEND={append}
KDUMP_KERNEL={kernel}
KDUMP_INITRD={initrd}
. {settings}
KDUMP_CMDLINE_APPEND=${{KDUMP_CMDLINE_APPEND:="reset_devices nr_cpus=1"}}
echo "$KDUMP_KERNEL|$KDUMP_INITRD|$KDUMP_CMDLINE_APPEND"
"""


class KdumpConfig:
    """kdump-config on a host on which the quiesce stage can or cannot be made."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.quiesce = root / "quiesce"
        self.script = root / "kdump-config"
        text = (SCRIPTS / "quiesce-kdump-tools").read_text()
        for path, here in (
            ("/usr/local/lib/pcie-reset/quiesce", str(self.quiesce)),
            ("/var/lib/pcie-reset", str(root)),
            ("/proc/vmcore", str(root / "vmcore")),
        ):
            assert path in text
            text = text.replace(path, here)
        (root / "settings").write_text(text)
        self.can(True)
        self.settings()

    def can(self, make: bool) -> None:
        made = f"echo image > {self.root}/quiesce.img; echo words > {self.root}/quiesce.words"
        refused = "exit 1"  # on a full or read-only disk the old ones stay
        self.quiesce.write_text(
            f'#!/bin/sh\necho "$*" >> {self.root}/made\n{made if make else refused}\n'
        )
        self.quiesce.chmod(0o755)

    def settings(self, append: str = "", kernel: str = "", initrd: str = "") -> None:
        self.script.write_text(
            KDUMP_CONFIG.format(
                append=append, kernel=kernel, initrd=initrd, settings=self.root / "settings"
            )
        )
        self.script.chmod(0o755)

    def run(self, *arguments: str) -> list[str]:
        done = subprocess.run(
            [str(self.script), *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip().split("|")


@pytest.fixture
def kdump_config(tmp_path: Path) -> KdumpConfig:
    return KdumpConfig(tmp_path)


@pytest.mark.parametrize("verb", ["load", "reload", "try-reload"])
def test_stage_is_made_and_loaded_whenever_kdump_config_loads(
    kdump_config: KdumpConfig, verb: str
) -> None:
    assert kdump_config.run(verb) == [
        "/var/lib/kdump/vmlinuz",
        f"{kdump_config.root}/quiesce.img",
        "reset_devices nr_cpus=1 words",
    ]
    release = os.uname().release
    made = (kdump_config.root / "made").read_text()
    assert made == f"/boot/vmlinuz-{release} /var/lib/kdump/initrd.img-{release}\n"


def test_what_the_operator_set_is_what_the_stage_is_made_of(kdump_config: KdumpConfig) -> None:
    kdump_config.settings('"nr_cpus=2 mine"', "/boot/vmlinuz-old", "/var/lib/kdump/dracut.img")
    assert kdump_config.run("load") == [
        "/boot/vmlinuz-old",
        f"{kdump_config.root}/quiesce.img",
        "nr_cpus=2 mine words",
    ]
    made = (kdump_config.root / "made").read_text()
    assert made == "/boot/vmlinuz-old /var/lib/kdump/dracut.img\n"


def test_stage_that_cannot_be_made_leaves_everything_as_it_was(kdump_config: KdumpConfig) -> None:
    kdump_config.run("load")
    kdump_config.can(False)
    assert kdump_config.run("load") == ["", "", "reset_devices nr_cpus=1"]


@pytest.mark.parametrize("verb", ["status", "show", "test", "savecore"])
def test_looking_makes_nothing(kdump_config: KdumpConfig, verb: str) -> None:
    kdump_config.run(verb)
    assert not (kdump_config.root / "made").exists()


def test_capture_kernel_reads_its_settings_as_without_the_stage(kdump_config: KdumpConfig) -> None:
    kdump_config.run("load")
    (kdump_config.root / "vmcore").touch()
    assert kdump_config.run("savecore") == ["", "", "reset_devices nr_cpus=1"]


def test_another_reader_of_the_settings_sees_nothing(kdump_config: KdumpConfig) -> None:
    kdump_config.run("load")
    other = kdump_config.root / "other"
    shutil.copy(kdump_config.script, other)
    done = subprocess.run([str(other), "load"], capture_output=True, text=True, check=True)
    assert done.stdout == "||reset_devices nr_cpus=1\n"
