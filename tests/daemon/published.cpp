// SPDX-License-Identifier: Apache-2.0
#include "published.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <ranges>
#include <sstream>

namespace dsmil::test {
namespace {

std::string source_file(const std::string &path) {
    const char *root = std::getenv("DSMIL_SOURCE");
    std::ifstream file(std::string(root != nullptr ? root : ".") + "/" + path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(' ');
    return first == std::string_view::npos
               ? std::string()
               : std::string(text.substr(first, text.find_last_not_of(' ') - first + 1));
}

// Without its parameters, and the name under which they are instantiated.
std::string name_of(const testing::TestInfo &test) {
    const std::string_view suite = test.test_suite_name();
    const std::string_view name = test.name();
    return std::string(suite.substr(suite.find('/') + 1)) + "." + std::string(name.substr(0, name.find('/')));
}

bool is_here(const std::string &name) {
    const auto &all = *testing::UnitTest::GetInstance();
    for (int i = 0; i < all.total_test_suite_count(); i++) {
        const auto &suite = *all.GetTestSuite(i);
        for (int j = 0; j < suite.total_test_count(); j++) {
            if (name_of(*suite.GetTestInfo(j)) == name) {
                return true;
            }
        }
    }
    return false;
}

} // namespace

std::vector<PublishedRow> published_rows() {
    constexpr std::string_view begin = "| `";
    std::vector<PublishedRow> rows;
    std::istringstream text(source_file("docs/reliability.md"));
    for (std::string line; std::getline(text, line);) {
        const auto end = line.find('`', begin.size());
        if (!line.starts_with(begin) || end == std::string::npos) {
            continue;
        }
        PublishedRow row{line.substr(begin.size(), end - begin.size()), {}};
        const auto rest = line.find('|', end);
        for (const auto cell : std::views::split(std::string_view(line).substr(rest + 1), '|')) {
            row.cells.push_back(trimmed(std::string_view(cell)));
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

void expect_published(std::string_view moments) {
    const auto name = name_of(*testing::UnitTest::GetInstance()->current_test_info());
    bool published = false;
    for (const auto &row : published_rows()) {
        if (row.test == name) {
            published = true;
            ASSERT_GE(row.cells.size(), 2U);
            EXPECT_EQ(row.cells[1], moments) << "docs/reliability.md, " << name;
        }
    }
    EXPECT_TRUE(published) << "docs/reliability.md has no row of " << name;
}

TEST(Published, EachRowNamesATestThatIsThere) {
    const auto rows = published_rows();
    EXPECT_GE(rows.size(), 8U);
    for (const auto &row : rows) {
        const auto colon = row.test.find(".py::");
        const bool there = colon == std::string::npos
                               ? is_here(row.test)
                               : source_file("tests/daemon/" + row.test.substr(0, colon) + ".py")
                                     .contains("def " + row.test.substr(colon + 5) + "(");
        EXPECT_TRUE(there) << row.test;
    }
}

} // namespace dsmil::test
