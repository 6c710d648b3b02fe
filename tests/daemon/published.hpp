// SPDX-License-Identifier: Apache-2.0
// The crash tables of docs/reliability.md name the tests that they are the result of;
// the tests hold them to that, so that neither changes without the other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dsmil::test {

// The cells of a table's row that names a test in its first one, as "`Suite.Name`".
struct PublishedRow {
    std::string test;
    std::vector<std::string> cells; // those after it
};
std::vector<PublishedRow> published_rows();

// Each row of the test that runs has `moments` in its third cell, and there is one.
void expect_published(std::string_view moments);

} // namespace dsmil::test
