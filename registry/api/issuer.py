"""The parts of a node that use cases ask for by name."""

from registry.node import Node
from registry.usecases.channel.accept_message import Receiver
from registry.usecases.trust.sign_for_body import Issuer


def issuer_of(node: Node) -> Issuer:
    """Return what issuing needs of the node."""
    return Issuer(node.settings.name, node.settings.env, node.keyring.documents, node.pins)


def receiver_of(node: Node) -> Receiver:
    """Return what taking a message needs of the node."""
    return Receiver(node.settings.did, node.settings.env, node.settings.country, node.keyring.node)
