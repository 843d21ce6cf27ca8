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
/// Keeps a little of the disk in reserve: when the disk is full, that is given up so that the last
/// fragment still fits. Lives on the recording's thread.
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

    [[nodiscard]] std::uint64_t size() const { return file_.size(); }
    [[nodiscard]] const std::string& path() const { return file_.path(); }

private:
    Output(storage::AppendFile file, std::string reserve)
        : file_(std::move(file)), reserve_path_(std::move(reserve)) {}

    storage::AppendFile file_;
    std::string reserve_path_;
    Bytes pending_;
    bool reserve_given_up_ = false;
};

}  // namespace aircheck::recorder
