"""What each move of an application is refused with: the rules of the moves and of what an application names."""

from registry.core.agreement import NotAgreed
from registry.core.application.lifecycle import IllegalMove
from registry.core.certificate.claims import MalformedClaims
from registry.core.certificate.duplicate import DuplicateDiffers, DuplicateNotReplaced, DuplicateOfDuplicate
from registry.core.certificate.lifecycle import AlreadyAnnulled, ProposalDiffers, SameName, SamePerson
from registry.core.envelope.jose import EnvelopeTooLarge
from registry.core.number_pattern import NumbersExhausted
from registry.core.scheme.catalogue import UnknownScheme
from registry.usecases.application.check_application import FindingsSevere
from registry.usecases.application.check_expert import ExaminerIsExpert, SignatoryIsExpert
from registry.usecases.application.find_application import AnotherPart, ApplicationNotFound
from registry.usecases.application.keep_product import ProductNotFound
from registry.usecases.application.place_sheet import SetNotFound, SheetTaken
from registry.usecases.application.relate_certificate import InLieuIssued, NoDuplicate, RelatedElsewhere
from registry.usecases.application.submit_application import DraftDiffers, MandateMissing
from registry.usecases.certificate.change_status import AnnulmentOpen
from registry.usecases.certificate.issue_certificate import GoodsHaveLeft, NotIssuable
from registry.usecases.certificate.replace_certificate import NothingToReplace, ReplacementNotProposed
from registry.usecases.party.register_party import PartyNotFound
from registry.usecases.recovery.compare_guard import BEHIND
from registry.usecases.trust.sign_for_body import CertificateNotFound, SignerMissing

NOT_RELATED = (AlreadyAnnulled, InLieuIssued, RelatedElsewhere, DuplicateOfDuplicate, DuplicateNotReplaced)
"""What an application or a registered certificate names cannot be replaced or duplicated."""
_RELATED = (CertificateNotFound, *NOT_RELATED)
_SIGN = (
    *(DraftDiffers, DuplicateDiffers, FindingsSevere, GoodsHaveLeft, NoDuplicate, NotAgreed, NumbersExhausted),
    *(NotIssuable, SignatoryIsExpert, SignerMissing),
)
DRAFT = (
    *(EnvelopeTooLarge, MalformedClaims, UnknownScheme, PartyNotFound, ProductNotFound, SetNotFound, SheetTaken),
    *(*_RELATED, DuplicateDiffers),
)
MOVE = (ApplicationNotFound, IllegalMove, AnotherPart)
SUBMIT = (*MOVE, *_RELATED, SheetTaken, DuplicateDiffers, FindingsSevere, MandateMissing)
EXAMINE = (*MOVE, ExaminerIsExpert, SameName)
REPLACE = (*MOVE, *_RELATED, NothingToReplace, AnnulmentOpen, SameName)
ISSUE = (
    *(*MOVE, *_RELATED, NothingToReplace, ReplacementNotProposed, ProposalDiffers, SameName, SamePerson),
    *(*_SIGN, *BEHIND),
)
