// SPDX-License-Identifier: Apache-2.0
#include "ledger/tiles.hpp"
#include "sinks/sink.hpp"

namespace dsmil::sinks {
namespace {

class TilesFolder final : public Sink {
  public:
    TilesFolder(std::string ledger, std::string directory)
        : ledger_(std::move(ledger)), directory_(std::move(directory)) {}

    Result<Delivery> send(std::span<const ledger::Record> /*records*/) override {
        return ledger::update_tiles(ledger_, directory_).transform([](const ledger::TilesReport &report) {
            return Delivery{.next = report.size, .refused = 0};
        });
    }
    [[nodiscard]] bool of_checkpoints() const override { return true; }

  private:
    std::string ledger_;
    std::string directory_;
};

} // namespace

std::unique_ptr<Sink> tiles_sink(std::string ledger, std::string directory) {
    return std::make_unique<TilesFolder>(std::move(ledger), std::move(directory));
}

} // namespace dsmil::sinks
