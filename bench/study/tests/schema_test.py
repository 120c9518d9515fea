"""Tests that what the study writes is what its schemas say, and that the schemas and the documentation know every key."""

import gzip
import json
import tomllib
import unittest

import support
import jsonschema
import experiment
import parameters

SCHEMAS = support.HERE.parent / "schema"
RECORDED = support.HERE / "recorded"


def validator(name):
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


class SchemaTest(unittest.TestCase):
    def test_experiments(self):
        check = validator("experiment")
        check.validate(tomllib.loads((RECORDED / "experiment.toml").read_text()))
        for path in (support.HERE.parent / "experiments").glob("*.toml"):
            with self.subTest(path=path.name):
                check.validate(tomllib.loads(experiment.to_toml(experiment.load(path))))
        self.assertFalse(check.is_valid({**tomllib.loads((RECORDED / "experiment.toml").read_text()), "thread": [1]}))

    def test_the_schema_has_every_key(self):
        properties = validator("experiment").schema["properties"]
        for key in parameters.BY_KEY:
            section, _, name = key.rpartition(".")
            self.assertIn(name or key, properties[section].get("properties", {"warm_up", "measure", "limit"}) if section
                          else properties)

    def test_environment(self):
        environment = json.loads((RECORDED / "environment.json").read_text())
        check = validator("environment")
        check.validate(environment)
        self.assertFalse(check.is_valid({**environment, "machine": {}}))

    def test_runs(self):
        check = validator("run")
        with gzip.open(RECORDED / "runs.jsonl.gz", "rt") as file:
            lines = [json.loads(line) for line in file]
        for line in lines:
            check.validate(line)
        self.assertEqual({line["status"] for line in lines}, {"ok", "wrong", "crashed"})
        self.assertFalse(check.is_valid({**lines[0], "more": 1}))
        self.assertFalse(check.is_valid({**lines[0], "status": "fine"}))


class DocumentationTest(unittest.TestCase):
    def test_the_table_of_parameters_is_that_of_list_parameters(self):
        for folder in support.HERE.parents:
            document = folder / "docs" / "study.md"
            if document.is_file():
                self.assertIn(parameters.markdown(), document.read_text())
                return
        self.fail("docs/study.md is not above this test")


if __name__ == "__main__":
    unittest.main()
