#include "recorder/job.hpp"

namespace aircheck::recorder {

std::string_view to_string(Status status) {
    switch (status) {
        case Status::Starting:
            return "EGRESS_STARTING";
        case Status::Active:
            return "EGRESS_ACTIVE";
        case Status::Ending:
            return "EGRESS_ENDING";
        case Status::Complete:
            return "EGRESS_COMPLETE";
        case Status::Failed:
            return "EGRESS_FAILED";
        case Status::Aborted:
            return "EGRESS_ABORTED";
        case Status::LimitReached:
            return "EGRESS_LIMIT_REACHED";
    }
    return "";
}

std::string_view details_of(EndReason reason) {
    switch (reason) {
        case EndReason::None:
            return "";
        case EndReason::StopRequested:
            return "End reason: StopEgress API";
        case EndReason::Removed:
        case EndReason::RoomClosed:
            return "End reason: Source closed";
        case EndReason::LastHumanLeft:
            return "End reason: Source closed";
        case EndReason::LimitReached:
            return "End reason: Session limit reached";
        case EndReason::Shutdown:
            return "End reason: Process killed";
        case EndReason::Failure:
            return "End reason: Failure";
    }
    return "";
}

}  // namespace aircheck::recorder
