"""The rules that both forms of ST-1 have in common."""

from registry.core.rules.finding import Rule
from registry.core.rules.st1_batch import BATCH
from registry.core.rules.st1_goods import GOODS
from registry.core.rules.st1_names import NAMES
from registry.core.rules.st1_notes import NOTES
from registry.core.rules.st1_papers import PAPERS
from registry.core.rules.st1_parties import PARTIES

ST1: tuple[Rule, ...] = PARTIES + NAMES + GOODS + BATCH + NOTES + PAPERS
