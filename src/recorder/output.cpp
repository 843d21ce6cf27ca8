#include "recorder/output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace aircheck::recorder {
namespace {

/// Enough for ten seconds of call with its journal, and for what the muxer still holds.
constexpr off_t kHalfReserveBytes = 128 * 1024;

}  // namespace

Result<std::unique_ptr<Output>> Output::create(const std::string& folder) {
    AC_TRY(auto file, storage::AppendFile::open(storage::Spool::output_path(folder)));
    std::string reserve = folder + "/reserve";
    const int descriptor = ::open(reserve.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (descriptor < 0) return fail_errno(errno, "spool: " + reserve);
    const int failed = ::posix_fallocate(descriptor, 0, 2 * kHalfReserveBytes);
    ::close(descriptor);
    if (failed != 0) {
        ::unlink(reserve.c_str());
        return fail_errno(failed, "spool: " + folder);
    }
    return std::unique_ptr<Output>(new Output(std::move(file), std::move(reserve)));
}

Output::~Output() { ::unlink(reserve_path_.c_str()); }

Result<> Output::append_pending() {
    auto appended = file_.append(pending_);
    if (appended) pending_.clear();
    return appended;
}

Result<> Output::append(BytesView bytes) {
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    if (pending_.empty()) return {};
    auto appended = append_pending();
    const auto is_full = [&] { return !appended && appended.error().code == Errc::NoSpace; };
    if (is_full() && reserve_ == Reserve::Whole) {
        reserve_ = Reserve::Half;
        if (::truncate(reserve_path_.c_str(), kHalfReserveBytes) == 0) appended = append_pending();
    }
    if (is_full() && reserve_ == Reserve::Half) {
        reserve_ = Reserve::None;
        ::unlink(reserve_path_.c_str());
        static_cast<void>(append_pending());
        return appended;  // The recording ends now, with all that it has.
    }
    return appended;
}

}  // namespace aircheck::recorder
