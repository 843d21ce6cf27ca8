#include "app/config_variables.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Row {
    std::string name, text, expected;  // of the variable V
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};
class DotEnvValue : public testing::TestWithParam<Row> {};

TEST_P(DotEnvValue, IsReadAsShellsAndComposeDo) {
    std::vector<std::string> warnings;
    const auto dotenv = parse_dotenv({".env", GetParam().text}, warnings);
    ASSERT_TRUE(dotenv.values.contains("V"));
    EXPECT_EQ(dotenv.values.at("V"), GetParam().expected);
    EXPECT_THAT(warnings, IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(
    Forms,
    DotEnvValue,
    testing::Values(
        Row{"Plain", "V=a", "a"},
        Row{"NoLastNewline", "\n\nV=a", "a"},
        Row{"Crlf", "V=a\r\nW=b\r\n", "a"},
        Row{"Spaces", "  V = a b  \n", "a b"},
        Row{"Export", "export V=a\n", "a"},
        Row{"Comment", "V=a # b\n", "a"},
        Row{"HashInside", "V=a#b\n", "a#b"},
        Row{"OnlyComment", "V=# b\n", ""},
        Row{"Empty", "V=\n", ""},
        Row{"Single", R"(V='a # "b" \n')", R"(a # "b" \n)"},
        Row{"Double", R"(V="a # 'b' \"c\" \n" # d)", "a # 'b' \"c\" \n"},
        Row{"Json",
            R"(V={"type":"service_account","x":"#1"})",
            R"({"type":"service_account","x":"#1"})"},
        Row{"Lines", "V=\"a\nb\r\nc\"\nW=d\n", "a\nb\nc"},
        Row{"Unclosed", "V=\"a\nW=b\n", "\"a"},
        Row{"Equals", "V=a=b=\n", "a=b="},
        Row{"LaterWins", "V=a\nV=b\n", "b"}
    ),
    [](const auto& row) { return row.param.name; }
);

TEST(DotEnv, LinesAreCountedThroughValuesOfSeveralLines) {
    std::vector<std::string> warnings;
    const auto dotenv = parse_dotenv({".env", "# c\nA=\"x\ny\"\nB=1\n"}, warnings);
    EXPECT_EQ(dotenv.lines.at("A"), 2);
    EXPECT_EQ(dotenv.lines.at("B"), 4);
    EXPECT_EQ(dotenv.values.size(), 2U);
}

TEST(DotEnv, WhatIsNoVariableIsSkippedWithItsLine) {
    std::vector<std::string> warnings;
    const auto dotenv = parse_dotenv({".env", "A=1\nnonsense\n=x\nB C=2\n"}, warnings);
    EXPECT_EQ(dotenv.values.size(), 1U);
    EXPECT_THAT(
        warnings, ElementsAre(HasSubstr(".env:2: "), HasSubstr(".env:3: "), HasSubstr(".env:4: "))
    );
}

TEST(OwnVariables, DoubleUnderscoreIsTheDot) {
    const auto variables = own_variables(Variables{{"AIRCHECK_STORAGE__S3__ACCESS_KEY", "k"}});
    ASSERT_EQ(variables.size(), 1U);
    EXPECT_EQ(variables[0].path, "storage.s3.access_key");
    EXPECT_EQ(variables[0].origin.to_string(), "AIRCHECK_STORAGE__S3__ACCESS_KEY");
}

TEST(GeneralVariables, TheMoreSpecificNameWins) {
    const auto variables = general_variables(
        {{"LIVEKIT_URL", "ws://a"},
         {"LIVEKIT_WS_URL", "ws://b"},
         {"AWS_ENDPOINT_URL", "http://a"},
         {"AWS_ENDPOINT_URL_S3", "http://b"},
         {"AWS_DEFAULT_REGION", "a"},
         {"AWS_REGION", "b"}},
        nullptr
    );
    std::map<std::string, std::string> values;
    for (const auto& variable : variables) values[variable.path] = variable.value;
    EXPECT_EQ(values["ws_url"], "ws://b");
    EXPECT_EQ(values["storage.s3.endpoint"], "http://b");
    EXPECT_EQ(values["storage.s3.region"], "b");
}

}  // namespace
}  // namespace aircheck::app
