#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "recorder/upload_task.hpp"
#include "storage/spool.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace aircheck::recorder {

/// One output file on its way: appended to the spool, uploaded from there.
///
/// Keeps a little of the disk in reserve. When the disk is full, half of it is given up and the
/// call goes on, for there may be room again in a moment; when that is used up too, the other half,
/// so that the last fragment still fits. Lives on the recording's thread.
class Output {
public:
    /// Makes the spool file `folder`/output.part and its reserve.
    [[nodiscard]] static Result<std::unique_ptr<Output>> create(const std::string& folder);
    ~Output();
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    /// Appends what the pipeline gave. Errc::NoSpace: the disk is full; what was given is on disk
    /// nevertheless when `is_whole()`, else it is kept for the next call.
    [[nodiscard]] Result<> append(BytesView bytes);
    [[nodiscard]] bool is_whole() const { return pending_.empty(); }
    /// The disk was full once: of the reserve a half is left, or nothing.
    [[nodiscard]] bool has_used_reserve() const { return reserve_ != Reserve::Whole; }

    [[nodiscard]] std::uint64_t size() const { return file_.size(); }
    [[nodiscard]] const std::string& path() const { return file_.path(); }

private:
    Output(storage::AppendFile file, std::string reserve)
        : file_(std::move(file)), reserve_path_(std::move(reserve)) {}

    enum class Reserve { Whole, Half, None };

    [[nodiscard]] Result<> append_pending();

    storage::AppendFile file_;
    std::string reserve_path_;
    Bytes pending_;
    Reserve reserve_ = Reserve::Whole;
};

}  // namespace aircheck::recorder
