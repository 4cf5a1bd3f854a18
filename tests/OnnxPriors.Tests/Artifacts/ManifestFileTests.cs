using System.Text.Json.Nodes;
using OnnxPriors.Artifacts;

namespace OnnxPriors.Tests.Artifacts;

[TestClass]
public sealed class ManifestFileTests
{
    private readonly string folder = Directory.CreateTempSubdirectory("manifest").FullName;

    [TestCleanup]
    public void Remove() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void What_is_written_is_read_back()
    {
        var manifest = Write();
        var read = ManifestFile.Read(folder);
        Assert.AreEqual(File.ReadAllText(Path()), Written(read));
        Assert.AreEqual(manifest.Optimizer.Hyperparameters["beta1"], read.Optimizer.Hyperparameters["beta1"]);
        Assert.AreEqual("w", read.StateLayout().Entries[0].Name);
        ManifestFile.VerifyFiles(folder, read);
    }

    [TestMethod]
    public void Only_what_can_be_null_may_be_absent()
    {
        Write();
        Edit(json => Assert.IsTrue(json.Remove("classNames")));
        Assert.IsNull(ManifestFile.Read(folder).ClassNames);
        foreach (var name in JsonNode.Parse(File.ReadAllText(Path()))!.AsObject().Select(pair => pair.Key).ToList())
        {
            Write();
            Edit(json => Assert.IsTrue(json.Remove(name)));
            var error = Assert.ThrowsExactly<ArtifactException>(() => ManifestFile.Read(folder), name);
            Assert.Contains(name, error.Message);
        }
    }

    [TestMethod]
    [DataRow("schemaVersion", "2", "schema")]
    [DataRow("schemaVersion", "\"x\"", "schemaVersion")]
    [DataRow("classes", "0", "classes")]
    [DataRow("parameters", "[]", "parameters")]
    [DataRow("parameters", "[null]", "null")]
    [DataRow("parameters", "null", "parameters")]
    [DataRow("stateLength", "128", "parameters.bin")]
    [DataRow("files", "[]", "gradient.onnx")]
    [DataRow("files", """[{"name":"../gradient.onnx","bytes":1,"sha256":"00"}]""", "plain name")]
    [DataRow("objective", "\"mse\"", "objective")]
    public void A_manifest_that_is_wrong_says_where(string property, string value, string part)
    {
        Write();
        Edit(json => json[property] = JsonNode.Parse(value));
        var error = Assert.ThrowsExactly<ArtifactException>(() => ManifestFile.Read(folder));
        Assert.Contains(part, error.Message);
        Assert.Contains("manifest.json", error.Message);
    }

    [TestMethod]
    public void A_missing_cut_or_broken_manifest_is_one_clear_error()
    {
        var missing = Assert.ThrowsExactly<ArtifactException>(() => ManifestFile.Read(folder));
        Assert.Contains("onnxpriors bake", missing.Message);
        Write();
        File.WriteAllText(Path(), File.ReadAllText(Path())[..100]);
        Assert.ThrowsExactly<ArtifactException>(() => ManifestFile.Read(folder));
        File.WriteAllText(Path(), "[]");
        Assert.ThrowsExactly<ArtifactException>(() => ManifestFile.Read(folder));
    }

    [TestMethod]
    public void A_file_that_was_changed_cut_or_removed_is_named()
    {
        var manifest = Write();
        var update = System.IO.Path.Combine(folder, StepFiles.Update);
        File.WriteAllText(update, "updatf");
        Assert.Contains("SHA-256", Refusal());
        File.WriteAllText(update, "up");
        Assert.Contains("bytes", Refusal());
        File.Delete(update);
        Assert.Contains(StepFiles.Update, Refusal());

        string Refusal() => Assert.ThrowsExactly<ArtifactException>(() => ManifestFile.VerifyFiles(folder, manifest)).Message;
    }

    private string Path() => System.IO.Path.Combine(folder, StepFiles.Manifest);

    private string Written(Manifest manifest)
    {
        ManifestFile.Write(folder, manifest);
        return File.ReadAllText(Path());
    }

    private void Edit(Action<JsonObject> change)
    {
        var json = JsonNode.Parse(File.ReadAllText(Path()))!.AsObject();
        change(json);
        File.WriteAllText(Path(), json.ToJsonString());
    }

    private Manifest Write()
    {
        foreach (var name in (string[])[StepFiles.Gradient, StepFiles.Eval])
            File.WriteAllText(System.IO.Path.Combine(folder, name), name);
        File.WriteAllText(System.IO.Path.Combine(folder, StepFiles.Update), "update");
        File.WriteAllBytes(System.IO.Path.Combine(folder, StepFiles.Parameters), new byte[256]);
        var manifest = new Manifest
        {
            Producer = "test",
            Opset = 18,
            IrVersion = 8,
            Classes = 2,
            ClassNames = ["cat", "dog"],
            Inputs = [new ManifestInput("x", "float", ["batch", "3"])],
            Parameters = [new ManifestParameter("w", [3, 2], 0, 6, "head", "w.gradient")],
            StateLength = 64,
            Prior = new ManifestPrior { Kind = "none" },
            Optimizer = new ManifestOptimizer
            {
                Name = "adamw",
                States = ["moment1", "moment2"],
                Scalars = ["step"],
                Hyperparameters = new Dictionary<string, double> { ["beta1"] = 0.9 },
            },
            Preprocessing = new Dictionary<string, string> { ["onnxpriors.classes"] = "[]" },
            Source = new ManifestSource("m.onnx", new string('a', 64)),
            Files = [.. new[] { StepFiles.Gradient, StepFiles.Eval, StepFiles.Update, StepFiles.Parameters }.Select(name => ManifestFile.Describe(folder, name))],
        };
        ManifestFile.Write(folder, manifest);
        return manifest;
    }
}
