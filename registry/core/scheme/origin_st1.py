"""The certificate of origin ST-1, in the form of 1993 or of 2009 (S4, S5)."""

from collections.abc import Mapping
from types import MappingProxyType

from registry.core.certificate.claims import RulesSet
from registry.core.rules.cis_1993 import CIS_1993
from registry.core.rules.cis_2009 import CIS_2009
from registry.core.rules.finding import Finding, Intake, Rule, Severity

NAME = "origin-st1"
RULES: Mapping[RulesSet, tuple[Rule, ...]] = MappingProxyType(
    {RulesSet.CIS_1993: CIS_1993, RulesSet.CIS_2009: CIS_2009}
)
_WEIGHT = {severity: weight for weight, severity in enumerate(Severity)}


def examine(intake: Intake) -> tuple[Finding, ...]:
    """Ask every rule of the rules set that is applied for; severe findings first, else in the order of the rules."""
    findings = [finding for rule in RULES[intake.rules_set] for finding in rule(intake)]
    return tuple(sorted(findings, key=lambda finding: _WEIGHT[finding.severity]))
