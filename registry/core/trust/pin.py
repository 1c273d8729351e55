"""What was pinned of a country out of band: its root, and the roots that it followed (formats 8, "a pin")."""

from dataclasses import dataclass

from registry.core.agreement import Environment
from registry.core.trust.document_signer import ChainBroken, Root, check_link


@dataclass(frozen=True, slots=True)
class FormerRoot:
    """A root that was pinned before, and the certificate by which it vouched for the one that followed it."""

    root: bytes
    link: bytes


@dataclass(frozen=True, slots=True)
class Pin:
    """What was pinned out of band: the root, its environment, how many list keys must sign, and from which epoch.

    Former roots, oldest first, vouch for the lists of earlier epochs and for rows that stood in them, and for nothing
    that is new.
    """

    root: bytes
    env: Environment
    threshold: int
    epoch: int
    former: tuple[FormerRoot, ...] = ()

    def anchor(self) -> Root:
        """Return the root; raises `ChainBroken` where the pinned bytes are none of this environment."""
        root = Root.parse(self.root)
        if root.env != self.env or self.threshold < 1 or self.epoch < 1:
            raise ChainBroken("the root's environment is not the pin's, or the threshold or epoch is below 1")
        return root

    def anchors(self) -> tuple[Root, ...]:
        """Return the root and the former ones, newest first; raises `ChainBroken`, and `RootNotLinked` of a former."""
        anchors = [self.anchor()]
        for former in reversed(self.former):
            root = Root.parse(former.root)
            check_link(root, former.link, anchors[-1])
            anchors.append(root)
        return tuple(anchors)
