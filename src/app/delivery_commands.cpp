// deliveries list|replay: the notifications that are owed, from the terminal.
#include "app/delivery_commands.hpp"

#include "app/open_records.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>

namespace aircheck::app {
namespace {

using nlohmann::json;
using records::Delivery;
using records::DeliveryState;

json null_when_empty(const std::string& text) { return text.empty() ? json() : json(text); }

json to_json(const Delivery& delivery) {
    const bool is_pending = delivery.state == DeliveryState::Pending;
    return {
        {"delivery_id", delivery.delivery_id},
        {"state", records::to_string(delivery.state)},
        {"event", delivery.event},
        {"event_id", delivery.event_id},
        {"egress_id", null_when_empty(delivery.egress_id)},
        {"receiver", delivery.receiver},
        {"url", delivery.url},
        {"format", delivery.format},
        {"tries", delivery.attempts},
        {"last_status", delivery.last_status == 0 ? json() : json(delivery.last_status)},
        {"last_error", null_when_empty(delivery.last_error)},
        {"created_at", to_iso8601(delivery.created_at)},
        {"next_try_at", is_pending ? json(to_iso8601(delivery.next_try)) : json()},
        {"finished_at", delivery.finished_at ? json(to_iso8601(*delivery.finished_at)) : json()}};
}

void print(const Delivery& delivery, Listing listing) {
    if (listing == Listing::Json) {
        const std::string line =
            to_json(delivery).dump(-1, ' ', false, json::error_handler_t::replace);
        std::printf("%s\n", line.c_str());
        return;
    }
    std::printf(
        "%-16s  %-9s  %-16s  %-16s  %s  %2d tries  %s%s%s\n",
        delivery.delivery_id.c_str(),
        std::string(records::to_string(delivery.state)).c_str(),
        delivery.event.c_str(),
        delivery.egress_id.empty() ? "-" : delivery.egress_id.c_str(),
        to_iso8601(delivery.created_at).c_str(),
        delivery.attempts,
        delivery.receiver.c_str(),
        delivery.last_error.empty() ? "" : "  ",
        delivery.last_error.c_str()
    );
}

ExitCode failed(const Error& error) {
    complain(error);
    return ExitCode::Failed;
}

ExitCode run_list(const Config& config, const DeliveryArguments& arguments) {
    auto store = open_records(config);
    if (!store) return failed(store.error());
    records::DeliveryQuery query = arguments.query;
    query.state = records::parse_delivery_state(arguments.state);
    const auto page = (*store)->list_deliveries(query);
    if (!page) return failed(page.error());
    for (const Delivery& delivery : page->items) print(delivery, arguments.listing);
    return ExitCode::Done;
}

ExitCode replay_dead(records::Store& store, const records::DeliveryQuery& which, WallTime now) {
    const auto replayed = store.replay_dead(now, which);
    if (!replayed) return failed(replayed.error());
    std::printf("%d due again\n", *replayed);
    return ExitCode::Done;
}

ExitCode run_replay(const Config& config, const DeliveryArguments& arguments) {
    const bool is_filtered =
        !arguments.query.egress_id.empty() || !arguments.query.receiver.empty();
    if (arguments.dead == !arguments.ids.empty() || (is_filtered && !arguments.dead)) {
        complain(
            "deliveries replay takes the ids of deliveries, or --dead, with --egress and "
            "--receiver if you like"
        );
        return ExitCode::Usage;
    }
    auto store = open_records(config);
    if (!store) return failed(store.error());
    const auto now = (*store)->now();
    if (!now) return failed(now.error());
    if (arguments.dead) return replay_dead(**store, arguments.query, *now);
    auto code = ExitCode::Done;
    for (const std::string& id : arguments.ids) {
        if (const auto replayed = (*store)->replay_delivery(id, *now); !replayed) {
            code = failed(replayed.error());
            continue;
        }
        std::printf("%s is due again\n", id.c_str());
    }
    return code;
}

}  // namespace

void add_delivery_commands(CLI::App& app, DeliveryArguments& arguments, const AddCommand& add) {
    auto* deliveries = app.add_subcommand("deliveries", "Webhooks that are owed: list, replay");
    deliveries->require_subcommand(1);
    const auto takes_filters = [&](CLI::App* command) {
        command->add_option("--egress", arguments.query.egress_id, "Of this recording only");
        command->add_option(
            "--receiver",
            arguments.query.receiver,
            "For this receiver only: its name or URL, as the list has it"
        );
        return command;
    };
    auto* list = takes_filters(
        add(deliveries,
            "list",
            "The newest deliveries",
            [&arguments](const Config& config) { return run_list(config, arguments); })
    );
    list->add_option("--state", arguments.state, "pending, delivered or dead")
        ->check(CLI::IsMember({"pending", "delivered", "dead"}));
    list->add_option("--limit", arguments.query.limit, "At most so many")
        ->check(CLI::Range(1, records::kMaxPage));
    list->add_flag_callback(
        "--json", [&arguments] { arguments.listing = Listing::Json; }, "One object a line"
    );
    auto* replay = takes_filters(
        add(deliveries,
            "replay",
            "Send deliveries again",
            [&arguments](const Config& config) { return run_replay(config, arguments); })
    );
    replay->add_option("id", arguments.ids, "Deliveries' ids");
    replay->add_flag("--dead", arguments.dead, "All that were given up");
}

}  // namespace aircheck::app
