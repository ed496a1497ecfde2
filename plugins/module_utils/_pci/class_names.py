# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Names of PCI classes, as the PCI Code and ID Assignment Specification (section 1) gives them."""

from __future__ import annotations

# By base class, and by base class and sub-class where servers have them.
_NAMES: dict[str, str] = {
    "00": "Device built before class codes",
    "01": "Mass storage controller",
    "0100": "SCSI controller",
    "0101": "IDE controller",
    "0104": "RAID controller",
    "0105": "ATA controller",
    "0106": "Serial ATA controller",
    "0107": "Serial Attached SCSI controller",
    "0108": "Non-volatile memory subsystem",
    "0109": "Universal Flash Storage controller",
    "0180": "Other mass storage controller",
    "02": "Network controller",
    "0200": "Ethernet controller",
    "0207": "InfiniBand controller",
    "0208": "Host fabric controller",
    "0280": "Other network controller",
    "03": "Display controller",
    "0300": "VGA-compatible controller",
    "0301": "XGA controller",
    "0302": "3D controller",
    "0380": "Other display controller",
    "04": "Multimedia device",
    "0403": "High definition audio device",
    "05": "Memory controller",
    "0500": "RAM",
    "0501": "Flash",
    "0502": "CXL memory device",
    "0580": "Other memory controller",
    "06": "Bridge device",
    "0600": "Host bridge",
    "0601": "ISA bridge",
    "0604": "PCI-to-PCI bridge",
    "0607": "CardBus bridge",
    "0609": "Semi-transparent PCI-to-PCI bridge",
    "060a": "InfiniBand-to-PCI host bridge",
    "0680": "Other bridge device",
    "07": "Simple communication controller",
    "0700": "Serial controller",
    "0702": "Multiport serial controller",
    "0780": "Other communication device",
    "08": "Base system peripheral",
    "0800": "Interrupt controller",
    "0801": "DMA controller",
    "0805": "SD host controller",
    "0806": "IOMMU",
    "0807": "Root complex event collector",
    "0880": "Other system peripheral",
    "09": "Input device",
    "0a": "Docking station",
    "0b": "Processor",
    "0b40": "Co-processor",
    "0c": "Serial bus controller",
    "0c03": "Universal Serial Bus controller",
    "0c04": "Fibre Channel controller",
    "0c05": "SMBus controller",
    "0c06": "InfiniBand controller",
    "0c07": "IPMI interface",
    "0d": "Wireless controller",
    "0e": "Intelligent I/O controller",
    "0f": "Satellite communication controller",
    "10": "Encryption/decryption controller",
    "11": "Data acquisition and signal processing controller",
    "12": "Processing accelerator",
    "13": "Non-essential instrumentation function",
    "ff": "Device that fits no defined class",
}


def class_name(class_code: str) -> str:
    """Return the name of a class of six hexadecimal digits: its sub-class, else its base class."""
    return _NAMES.get(class_code[:4]) or _NAMES.get(class_code[:2]) or "Device of a reserved class"


__all__ = ("class_name",)
