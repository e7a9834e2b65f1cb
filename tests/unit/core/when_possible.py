"""When each event is possible: written down once more, beside the code."""

from ec2spawner.core.events import (
    Attempted,
    Begun,
    Chosen,
    Claimed,
    Doubted,
    EndedByItself,
    Gone,
    HubRestarted,
    LetGo,
    Named,
    Ordered,
    Planned,
    Ready,
    Rebooted,
    Refused,
    Remembered,
    StoppedAsWished,
    Waking,
    Wanted,
    WokenInVain,
)
from ec2spawner.core.kept_events import (
    DoomedGone,
    HomeKnown,
    StopConfirmed,
    StoppedMachineGone,
    StoppedMachineUnwanted,
)
from ec2spawner.core.notice_events import (
    Announced,
    Kept,
    OutOfBudget,
    OutOfTime,
    Rescued,
    Silent,
)
from ec2spawner.core.ready_events import Given, TakenBack
from ec2spawner.core.state import Phase, ServerInMemory

UNDER_WAY = {
    Phase.PLANNED,
    Phase.REQUESTED,
    Phase.BOOTING,
    Phase.CLAIMED,
    Phase.READY,
}
#: event -> the phases of a launch that it needs; None when it needs no launch
PHASES = {
    Begun: None,
    Chosen: None,
    Planned: {Phase.PLANNED},
    Attempted: {Phase.PLANNED, Phase.REQUESTED, Phase.BOOTING},
    Doubted: {Phase.REQUESTED},
    Refused: {Phase.PLANNED, Phase.REQUESTED},
    Waking: {Phase.PLANNED},
    WokenInVain: {Phase.BOOTING, Phase.CLAIMED},
    Named: {Phase.REQUESTED},
    Claimed: {Phase.BOOTING},
    Remembered: {Phase.CLAIMED, Phase.READY},
    Ordered: {Phase.CLAIMED, Phase.READY},
    Ready: {Phase.CLAIMED},
    Rebooted: {Phase.READY},
    Announced: UNDER_WAY,
    Rescued: UNDER_WAY,
    OutOfBudget: UNDER_WAY,
    OutOfTime: {Phase.READY},
    Kept: {Phase.READY},
    Wanted: UNDER_WAY,
    EndedByItself: UNDER_WAY,
    StoppedAsWished: UNDER_WAY,
    Gone: UNDER_WAY,
    LetGo: None,
    HubRestarted: None,
    StopConfirmed: None,
    StoppedMachineGone: None,
    StoppedMachineUnwanted: None,
    DoomedGone: None,
    HomeKnown: None,
    Silent: {Phase.READY},
    Given: {Phase.PLANNED},
    TakenBack: {Phase.BOOTING},
}
#: those that only a launch which is still to serve allows
SERVING = {
    Planned,
    Attempted,
    Waking,
    Given,
    TakenBack,
    Claimed,
    Ready,
    Rebooted,
    EndedByItself,
    OutOfBudget,
    OutOfTime,
    Kept,
}

IN_MEMORY = ServerInMemory("key", "prefix", "hash", "digest")
