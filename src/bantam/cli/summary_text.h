// A data set's summary for people and for --json.
#pragma once

#include <string>

#include "bantam/base/json.h"
#include "bantam/data/format.h"
#include "bantam/data/summary.h"

namespace bantam {

class Session;

void print_summary(Session& session, const DatasetSummary& summary);
Json summary_json(const DatasetSummary& summary);

void print_format_report(Session& session, const FormatReport& report);
Json format_report_json(const FormatReport& report);

}  // namespace bantam
