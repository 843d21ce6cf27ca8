"""An IPv6 address of this machine that is fit for media: WebRTC has no use for ::1."""

import fcntl
import socket
import struct

ADDED = "fd5a:6c1e:aa17::1"
SIOCSIFADDR = 0x8916


def address():
    """One that an interface has, or else one that is added to the loopback interface, which takes root."""
    found = next(_of_interfaces(), None)
    if found:
        return found
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
        # struct in6_ifreq: address, prefix length, interface.
        request = struct.pack("@16sIi", socket.inet_pton(socket.AF_INET6, ADDED), 128, socket.if_nametoindex("lo"))
        try:
            fcntl.ioctl(control, SIOCSIFADDR, request)
        except PermissionError:
            raise AssertionError("this machine has no IPv6 address; as root one would be added to lo") from None
    return ADDED


def _of_interfaces():
    with open("/proc/net/if_inet6") as table:
        for line in table:
            digits = line.split()[0]
            text = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))
            if text != "::1" and not text.startswith("fe80:"):
                yield text
