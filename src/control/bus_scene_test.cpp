#include "control/bus_scene_test.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace aircheck::control::testing {

// --- livekit-server ------------------------------------------------------------------------------

FakeLivekit::FakeLivekit(FakeRedis& redis, ManualClock& clock)
    : bus(redis), clock_(clock), server_(bus, clock) {
    for (const char* name : {"CreateEgress", "UpdateEgress", "GetEgress"}) serve(name);
    for (const char* service : {"EgressInternal", "EgressHandler"}) {
        bus.subscribe(
            claim_channel(service, "CLI_livekit"),
            [this](std::string_view message) {
                const auto claim = unwrap<psrpc::ClaimRequest>(message);
                if (!claim || claim->request_id() != request_id_) return;
                if (claim->affinity() <= highest_) return;
                highest_ = claim->affinity();
                chosen_ = claim->server_id();
            },
            {}
        );
        bus.subscribe(
            response_channel(service, "CLI_livekit"),
            [this](std::string_view message) {
                const auto response = unwrap<psrpc::Response>(message);
                if (!response || response->request_id() != request_id_) return;
                EXPECT_FALSE(last_->has_come) << "a second answer";
                last_->has_come = true;
                if (!response->error().empty())
                    last_->error = response->code() + ": " + response->error();
                last_->info.ParseFromString(response->raw_response());
            },
            {}
        );
    }
}

void FakeLivekit::serve(const std::string& name) {
    PsrpcServer::Service service;
    service.method = {"IOInfo", name, ""};
    service.queued = true;
    service.call = [this, name](std::string_view argument, WallTime, const auto& respond) {
        respond(refusal ? rpc_fail(refusal->code, refusal->message) : take(name, argument));
    };
    server_.serve(std::move(service));
}

RpcAnswer<std::string> FakeLivekit::take(const std::string& method, std::string_view argument) {
    const std::string bytes(argument);
    if (method == "GetEgress") {
        rpc::GetEgressRequest request;
        request.ParseFromString(bytes);
        const auto it = store.find(request.egress_id());
        if (it == store.end()) return rpc_fail("not_found", "egress does not exist");
        return it->second.SerializeAsString();
    }
    livekit::EgressInfo info;
    info.ParseFromString(bytes);
    const bool is_known = store.contains(info.egress_id());
    if (method == "CreateEgress") {
        if (is_known) return "";
        webhooks.push_back("started " + info.egress_id());
    } else if (is_over(info)) {
        webhooks.push_back("ended " + info.egress_id() + " " + status_of(info));
    } else if (info.status() != livekit::EgressStatus::EGRESS_STARTING) {
        webhooks.push_back("updated " + info.egress_id() + " " + status_of(info));
    }
    store[info.egress_id()] = info;
    return "";
}

FakeLivekit::Answer FakeLivekit::call(const RpcMethod& method, const std::string& argument) {
    request_id_ = new_id("REQ_");
    chosen_.clear();
    highest_ = 0;
    last_ = std::make_shared<Answer>();
    psrpc::Request request;
    request.set_request_id(request_id_);
    request.set_client_id("CLI_livekit");
    request.set_expiry(unix_nanoseconds(clock_.wall() + 10s));
    request.set_raw_request(argument);
    bus.publish(method.request_channel(), wrap(request));
    clock_.settle();
    if (!chosen_.empty()) {
        psrpc::ClaimResponse choice;
        choice.set_request_id(request_id_);
        choice.set_server_id(chosen_);
        bus.publish(method.claim_response_channel(), wrap(choice));
        clock_.settle();
    }
    return *last_;
}

FakeLivekit::Answer FakeLivekit::start(const std::string& egress_id, const std::string& room) {
    rpc::StartEgressRequest request;
    request.set_egress_id(egress_id);
    request.mutable_room_composite()->set_room_name(room);
    return call({"EgressInternal", "StartEgress", ""}, request.SerializeAsString());
}

FakeLivekit::Answer FakeLivekit::stop(const std::string& egress_id) {
    livekit::StopEgressRequest request;
    request.set_egress_id(egress_id);
    return call({"EgressHandler", "StopEgress", egress_id}, request.SerializeAsString());
}

FakeLivekit::Answer FakeLivekit::update_stream(
    const std::string& egress_id, const std::string& url
) {
    livekit::UpdateStreamRequest request;
    request.set_egress_id(egress_id);
    request.add_add_output_urls(url);
    return call({"EgressHandler", "UpdateStream", egress_id}, request.SerializeAsString());
}

// --- The host ------------------------------------------------------------------------------------

void FakeHost::start(const rpc::StartEgressRequest& request, OnInfo on_info) {
    calls.push_back("start " + request.egress_id() + " " + request.room_composite().room_name());
    if (holds_answers) {
        held.push_back(std::move(on_info));
        return;
    }
    if (refusal) return on_info(tl::unexpected(*refusal));
    livekit::EgressInfo info;
    info.set_egress_id(request.egress_id());
    info.set_room_name(request.room_composite().room_name());
    running.push_back(request.egress_id());
    on_info(info);
}

void FakeHost::stop(const std::string& egress_id, OnInfo on_info) {
    calls.push_back("stop " + egress_id);
    livekit::EgressInfo info;
    info.set_egress_id(egress_id);
    info.set_status(livekit::EgressStatus::EGRESS_ENDING);
    on_info(info);
}

void FakeHost::update_stream(const livekit::UpdateStreamRequest& request, OnInfo on_info) {
    calls.push_back("stream " + request.egress_id() + " " + request.add_output_urls(0));
    on_info(rpc_fail("invalid_argument", "UpdateStream called on non-streaming egress"));
}

// --- The worker ----------------------------------------------------------------------------------

Worker::Worker(FakeRedis& redis, ManualClock& clock, std::string id)
    : redis_(redis), clock_(clock), id_(std::move(id)) {
    restart();
}

Worker::~Worker() { kill(); }

void Worker::restart() {
    kill();
    host.running.clear();
    bus = std::make_unique<FakeBus>(redis_);
    BusWorker::Options options;
    options.worker_id = id_;
    options.folder = folder_ / "bus";
    worker = std::make_unique<BusWorker>(*bus, clock_, host, options);
    const auto started = worker->start();
    EXPECT_TRUE(started) << started.error().to_string();
    clock_.settle();
}

void Worker::kill() {
    if (bus) bus->kill();
    worker.reset();
    bus.reset();
}

void Worker::report(const std::string& egress_id, livekit::EgressStatus status) {
    livekit::EgressInfo info;
    info.set_egress_id(egress_id);
    info.set_room_name("room");
    info.set_status(status);
    if (is_over(info)) {
        info.set_ended_at(unix_nanoseconds(clock_.wall()));
        std::erase(host.running, egress_id);
    }
    worker->report(info);
    clock_.settle();
}

std::size_t Worker::kept() const {
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(folder_ / "bus")) {
        ++files;
    }
    return files;
}

}  // namespace aircheck::control::testing
