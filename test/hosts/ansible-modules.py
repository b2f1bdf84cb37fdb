# Runs modules of the ansible-core that is installed here, all in one process: reads a JSON list of
# {module, args}, and prints a JSON list of their results.
import contextlib, importlib, io, json, sys
from ansible.module_utils import basic

places = {"sysctl": "ansible_collections.ansible.posix.plugins.modules."}
results = []
for case in json.load(sys.stdin):
    args = dict(case["args"], _ansible_remote_tmp="/tmp", _ansible_keep_remote_files=False)
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": args}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    module = importlib.import_module(places.get(case["module"], "ansible.modules.") + case["module"])
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            module.main()
        except SystemExit:
            results.append(json.loads(out.getvalue()))
        except Exception as error:
            results.append({"failed": True, "msg": repr(error)})
json.dump(results, sys.stdout)
