#include "control/fake_bus_test.hpp"

#include <gtest/gtest.h>

namespace aircheck::control::testing {

std::vector<std::string> FakeRedis::set(const std::vector<std::string>& words) {
    Key key{words.at(2)};
    bool only_new = false;
    for (std::size_t i = 3; i < words.size(); ++i) {
        if (words[i] == "NX") only_new = true;
        if (words[i] == "EX")
            key.expires = clock_.now() + std::chrono::seconds(std::stoi(words.at(i + 1)));
        if (words[i] == "PX") {
            key.expires = clock_.now() + std::chrono::milliseconds(std::stoi(words.at(i + 1)));
        }
    }
    if (only_new && keys_.contains(words[1])) return {""};
    keys_[words[1]] = key;
    return {"OK"};
}

std::vector<std::string> FakeRedis::run(const std::vector<std::string>& words) {
    std::erase_if(keys_, [&](const auto& key) { return key.second.expires <= clock_.now(); });
    const std::string& name = words.at(0);
    if (name == "SET") return set(words);
    if (name == "EXISTS") return {keys_.contains(words.at(1)) ? "1" : "0"};
    auto& hash = hashes_[words.at(1)];
    if (name == "HSETNX") return {hash.try_emplace(words.at(2), words.at(3)).second ? "1" : "0"};
    if (name == "HDEL") return {hash.erase(words.at(2)) > 0 ? "1" : "0"};
    if (name == "HSET") {
        hash[words.at(2)] = words.at(3);
        return {"1"};
    }
    if (name == "HGET") {
        const auto it = hash.find(words.at(2));
        return {it == hash.end() ? "" : it->second};
    }
    if (name == "HGETALL") {
        std::vector<std::string> all;
        for (const auto& [field, value] : hash) all.insert(all.end(), {field, value});
        return all;
    }
    ADD_FAILURE() << "the fake Redis does not know " << name;
    return {};
}

}  // namespace aircheck::control::testing
