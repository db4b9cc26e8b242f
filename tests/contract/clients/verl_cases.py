"""verl's own client, loaded from its wheel by path: its package would want torch."""

import importlib.util
import json
import sys
from pathlib import Path

url, cases = sys.argv[1], json.loads(sys.argv[2])
[site] = (Path(sys.prefix) / "lib").glob("python3*/site-packages")
spec = importlib.util.spec_from_file_location("utils", site / "verl/utils/reward_score/sandbox_fusion/utils.py")
client = importlib.util.module_from_spec(spec)
spec.loader.exec_module(client)


def judged(case):
    tests = {"inputs": case["inputs"], "outputs": case["outputs"]}
    if "fn_name" in case:
        tests["fn_name"] = case["fn_name"]
    timeout, language = case.get("timeout", 5), case.get("language", "python")
    results, details = client.check_correctness(
        sandbox_fusion_url=f"{url}/run_code", in_outs=tests, generation=case["code"], timeout=timeout, language=language
    )
    return {"results": results, "errors": [detail["api_request_error"] for detail in details]}


print(json.dumps([judged(case) for case in cases]))
