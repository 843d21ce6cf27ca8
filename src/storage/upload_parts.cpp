#include "core/log.hpp"
#include "net/crypto.hpp"
#include "storage/object_store.hpp"
#include "storage/spool.hpp"
#include "storage/store_http.hpp"
#include "storage/upload_kinds.hpp"
#include "storage/upload_state.hpp"

#include <algorithm>
#include <optional>

namespace aircheck::storage {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;
constexpr std::uint64_t kSmallestPart = 5 * kMiB;
/// How much of the body waits for the head: part 1 must not be smaller than S3 and GCS allow.
constexpr std::uint64_t kFirstPartBody = kSmallestPart;
constexpr std::uint64_t kPartsLimit = 10'000;
/// S3's, GCS's, and at least as strict as Azure's 1024 characters.
constexpr std::size_t kMaxKeyBytes = 1024;

/// 5 MiB, doubled every 1000 parts: 10,000 parts reach 5 TB, and are small as long as calls are
/// short.
std::uint64_t growing_part_size(int number) {
    return kSmallestPart << std::min((number - 1) / 1000, 10);
}

/// Equal parts of whole MiB, 8 at least, so that a file of `total` bytes has fewer than 10,000.
std::uint64_t equal_part_size(std::uint64_t total) {
    const std::uint64_t needed = total / (kPartsLimit - 1) + 1;
    return std::max(8 * kMiB, (needed + kMiB - 1) / kMiB * kMiB);
}

class PartsUpload final : public UploadSession {
public:
    PartsUpload(std::unique_ptr<ObjectStore> store, const std::string& prefix, UploadSpec spec);

    [[nodiscard]] Result<> advance(std::uint64_t body_bytes) override;
    [[nodiscard]] Result<StoredObject> complete(BytesView head, std::uint64_t body_bytes) override;
    [[nodiscard]] Result<> abort() override;
    [[nodiscard]] std::uint64_t sent_bytes() const override;
    [[nodiscard]] std::string checkpoint() const override {
        return state_.upload_id.empty() ? std::string() : state_.to_text();
    }

private:
    [[nodiscard]] ObjectStore::ObjectOptions options() const {
        const auto if_taken =
            replaces() ? ObjectStore::IfTaken::Overwrite : ObjectStore::IfTaken::Refuse;
        return {spec_.content_type, spec_.egress_id, if_taken};
    }
    [[nodiscard]] HeadAndBody file(BytesView head, std::uint64_t body_bytes) const {
        return {head, spec_.body_path, spec_.body_offset, body_bytes};
    }
    [[nodiscard]] bool replaces() const { return spec_.if_taken == UploadSpec::IfTaken::Replace; }
    [[nodiscard]] Result<> prepare();
    [[nodiscard]] Result<> resume();
    [[nodiscard]] Result<> find_free_name();
    [[nodiscard]] Result<> next_name();
    [[nodiscard]] Result<> forget_upload();
    [[nodiscard]] Result<> send_growing_parts(std::uint64_t body_bytes);
    [[nodiscard]] Result<std::string> send_part(int number, std::string bytes);
    [[nodiscard]] Result<> finish_under_a_free_name(const HeadAndBody& whole);
    [[nodiscard]] Result<std::string> finish(const HeadAndBody& file);
    [[nodiscard]] Result<std::string> finish_growing(const HeadAndBody& file);
    [[nodiscard]] Result<std::string> finish_equal(
        const HeadAndBody& file, std::uint64_t part_size
    );
    [[nodiscard]] Result<> verify(std::uint64_t size);

    std::unique_ptr<ObjectStore> store_;
    UploadSpec spec_;
    UploadState state_;
    std::string base_key_;                    ///< With the prefix, without any suffix.
    std::uint64_t sent_to_ = kFirstPartBody;  ///< Of the body, by the parts of `state_`.
    int name_attempt_ = 0;
    bool prepared_ = false;
    std::string etag_;  ///< Of the completed object.
    StoredObject stored_;
};

/// Bytes [begin, end) of head ‖ body.
Result<std::string> read_file_range(
    const HeadAndBody& file, std::uint64_t begin, std::uint64_t end
) {
    const std::uint64_t head_bytes = file.head.size();
    const auto head_begin = static_cast<std::size_t>(std::min(begin, head_bytes));
    const auto head_end = static_cast<std::size_t>(std::min(end, head_bytes));
    std::string bytes(as_text(file.head.subspan(head_begin, head_end - head_begin)));
    const std::uint64_t body_begin = std::max(begin, head_bytes) - head_bytes;
    const std::uint64_t body_end = std::max(end, head_bytes) - head_bytes;
    if (body_end > body_begin) {
        AC_TRY(
            const auto body,
            read_range(file.body_path, file.body_offset + body_begin, body_end - body_begin)
        );
        bytes += body;
    }
    return bytes;
}

PartsUpload::PartsUpload(
    std::unique_ptr<ObjectStore> store, const std::string& prefix, UploadSpec spec
)
    : store_(std::move(store)), spec_(std::move(spec)), base_key_(with_prefix(prefix, spec_.key)) {
    state_.key = base_key_;
}

/// Once, before anything is sent: what a checkpoint says is taken up, else a free name is found.
Result<> PartsUpload::prepare() {
    if (prepared_) return {};
    if (!spec_.checkpoint.empty()) AC_CHECK_OK(resume());
    if (state_.upload_id.empty()) AC_CHECK_OK(find_free_name());
    prepared_ = true;
    return {};
}

Result<> PartsUpload::resume() {
    auto state = UploadState::from_text(spec_.checkpoint);
    spec_.checkpoint.clear();
    if (!state) return {};
    std::uint64_t position = kFirstPartBody;
    for (const UploadState::Sent& part : state->parts) {
        const auto bytes =
            read_range(spec_.body_path, spec_.body_offset + position, part.part.size);
        if (!bytes || crc32c(as_bytes(*bytes)) != part.crc32c) {
            log::warn("upload.anew", {{"key", state->key}, {"reason", "the body is another"}});
            state_.key = state->key;
            state_.upload_id = state->upload_id;
            return forget_upload();
        }
        position += part.part.size;
    }
    state_ = *std::move(state);
    sent_to_ = position;
    return {};
}

Result<> PartsUpload::find_free_name() {
    if (replaces()) return {};
    while (true) {
        const auto taken = store_->head_object(state_.key);
        // Without the right to look, the store itself refuses at the end (If-None-Match).
        if (!taken && (taken.error().code == Errc::NotFound ||
                       taken.error().code == Errc::PermissionDenied)) {
            // A wrong secret or bucket is said now, not when the first part is full.
            return store_->check_access();
        }
        if (!taken) return tl::unexpected(taken.error());
        // This egress's own, from before a restart: completing will tell whether it is this file.
        if (!spec_.egress_id.empty() && taken->egress_id == spec_.egress_id) return {};
        AC_CHECK_OK(next_name());
    }
}

Result<> PartsUpload::next_name() {
    if (++name_attempt_ > kMaxNameAttempts) {
        return fail(Errc::AlreadyExists, store_->object_url(base_key_) + ": too many of this name");
    }
    state_.key = name_for_attempt(base_key_, spec_.egress_id, name_attempt_);
    return {};
}

/// Takes back what was sent; the body is still in the spool.
Result<> PartsUpload::forget_upload() {
    if (!state_.upload_id.empty()) {
        const auto aborted = store_->abort_multipart(state_.key, state_.upload_id);
        if (!aborted && aborted.error().code != Errc::PermissionDenied) return aborted;
    }
    state_.upload_id.clear();
    state_.parts.clear();
    sent_to_ = kFirstPartBody;
    return {};
}

Result<std::string> PartsUpload::send_part(int number, std::string bytes) {
    if (state_.upload_id.empty()) {
        AC_TRY(state_.upload_id, store_->create_multipart(state_.key, options()));
    }
    return store_->upload_part(state_.key, state_.upload_id, number, std::move(bytes));
}

Result<> PartsUpload::advance(std::uint64_t body_bytes) {
    if (!stored_.key.empty()) return {};
    AC_CHECK_OK(prepare());
    // Equal parts count from the file's beginning, and the head's size is known at the end only.
    if (store_->wants_equal_parts()) return {};
    auto sent = send_growing_parts(body_bytes);
    if (sent || sent.error().code != Errc::NotFound || state_.upload_id.empty()) return sent;
    // The store has forgotten the upload (a lifecycle rule, an operator): all of it once more.
    log::warn("upload.anew", {{"key", state_.key}, {"reason", sent.error().to_string()}});
    AC_CHECK_OK(forget_upload());
    return send_growing_parts(body_bytes);
}

Result<> PartsUpload::send_growing_parts(std::uint64_t body_bytes) {
    while (true) {
        const int number = static_cast<int>(state_.parts.size()) + 2;
        const std::uint64_t size = growing_part_size(number);
        if (body_bytes < sent_to_ + size) return {};
        AC_TRY(auto bytes, read_range(spec_.body_path, spec_.body_offset + sent_to_, size));
        const std::uint32_t crc = crc32c(as_bytes(bytes));
        AC_TRY(auto etag, send_part(number, std::move(bytes)));
        state_.parts.push_back({{number, size, std::move(etag)}, crc});
        sent_to_ += size;
    }
}

std::uint64_t PartsUpload::sent_bytes() const {
    if (!stored_.key.empty()) return stored_.size;
    return state_.parts.empty() ? 0 : sent_to_ - kFirstPartBody;
}

Result<StoredObject> PartsUpload::complete(BytesView head, std::uint64_t body_bytes) {
    if (!stored_.key.empty()) return stored_;
    const HeadAndBody whole = file(head, body_bytes);
    AC_TRY(const auto sha256, sha256_of(whole));
    AC_CHECK_OK(finish_under_a_free_name(whole));
    const std::uint64_t size = head.size() + body_bytes;
    AC_CHECK_OK(verify(size));
    stored_ = {store_->object_url(state_.key), state_.key, size, etag_, sha256};
    return stored_;
}

/// Completes the object, however often it must be begun anew for that; gives `etag_`.
Result<> PartsUpload::finish_under_a_free_name(const HeadAndBody& whole) {
    for (int lost = 0; etag_.empty();) {
        AC_CHECK_OK(advance(whole.body_bytes));
        auto etag = finish(whole);
        if (etag) {
            etag_ = *std::move(etag);
        } else if (etag.error().code == Errc::AlreadyExists) {
            // Somebody took the name meanwhile; an upload cannot change its own.
            AC_CHECK_OK(forget_upload());
            AC_CHECK_OK(next_name());
        } else if (etag.error().code == Errc::NotFound && !state_.upload_id.empty() && lost++ == 0) {
            log::warn("upload.anew", {{"key", state_.key}, {"reason", etag.error().to_string()}});
            AC_CHECK_OK(forget_upload());
        } else {
            return tl::unexpected(std::move(etag).error());
        }
    }
    return {};
}

Result<std::string> PartsUpload::finish(const HeadAndBody& file) {
    const std::uint64_t total = file.head.size() + file.body_bytes;
    if (store_->wants_equal_parts()) {
        const std::uint64_t part_size = equal_part_size(total);
        if (total > part_size) return finish_equal(file, part_size);
    } else if (!state_.parts.empty()) {
        return finish_growing(file);
    }
    AC_TRY(auto bytes, read_file_range(file, 0, total));
    return store_->put_object(state_.key, std::move(bytes), options());
}

Result<std::string> PartsUpload::finish_growing(const HeadAndBody& file) {
    if (file.body_bytes < sent_to_) {
        return fail(
            Errc::InvalidArgument, state_.key + ": the body is shorter than what was sent of it"
        );
    }
    const std::uint64_t head_bytes = file.head.size();
    const std::uint64_t total = head_bytes + file.body_bytes;
    std::vector<Part> parts;
    for (const UploadState::Sent& part : state_.parts) parts.push_back(part.part);
    if (file.body_bytes > sent_to_) {
        const int number = static_cast<int>(parts.size()) + 2;
        AC_TRY(auto tail, read_file_range(file, head_bytes + sent_to_, total));
        const std::uint64_t size = tail.size();
        AC_TRY(auto etag, send_part(number, std::move(tail)));
        parts.push_back({number, size, std::move(etag)});
    }
    AC_TRY(auto first, read_file_range(file, 0, head_bytes + kFirstPartBody));
    const std::uint64_t first_size = first.size();
    AC_TRY(auto first_etag, send_part(1, std::move(first)));
    parts.insert(parts.begin(), {1, first_size, std::move(first_etag)});
    return store_->complete_multipart(state_.key, state_.upload_id, parts, options());
}

Result<std::string> PartsUpload::finish_equal(const HeadAndBody& file, std::uint64_t part_size) {
    const std::uint64_t total = file.head.size() + file.body_bytes;
    std::vector<Part> parts;
    for (std::uint64_t begin = 0; begin < total; begin += part_size) {
        const std::uint64_t end = std::min(total, begin + part_size);
        AC_TRY(auto bytes, read_file_range(file, begin, end));
        const int number = static_cast<int>(parts.size()) + 1;
        AC_TRY(auto etag, send_part(number, std::move(bytes)));
        parts.push_back({number, end - begin, std::move(etag)});
    }
    return store_->complete_multipart(state_.key, state_.upload_id, parts, options());
}

/// What the store says it has is held against what was sent, where we may ask.
Result<> PartsUpload::verify(std::uint64_t size) {
    const auto stored = store_->head_object(state_.key);
    if (!stored) {
        if (stored.error().code == Errc::PermissionDenied) return {};
        return tl::unexpected(stored.error());
    }
    if (stored->size == size) return {};
    return fail(
        Errc::Failed,
        store_->object_url(state_.key) + ": has " + std::to_string(stored->size) +
            " bytes instead of " + std::to_string(size)
    );
}

Result<> PartsUpload::abort() {
    if (!prepared_ && !spec_.checkpoint.empty()) {
        if (auto state = UploadState::from_text(spec_.checkpoint)) state_ = *std::move(state);
    }
    return forget_upload();
}

}  // namespace

Result<std::unique_ptr<UploadSession>> create_parts_upload(
    std::unique_ptr<ObjectStore> store, const std::string& prefix, UploadSpec spec
) {
    if (with_prefix(prefix, spec.key).size() > kMaxKeyBytes) {
        return fail(
            Errc::InvalidArgument,
            "prefix and file path have more than " + std::to_string(kMaxKeyBytes) + " bytes"
        );
    }
    return std::make_unique<PartsUpload>(std::move(store), prefix, std::move(spec));
}

}  // namespace aircheck::storage
