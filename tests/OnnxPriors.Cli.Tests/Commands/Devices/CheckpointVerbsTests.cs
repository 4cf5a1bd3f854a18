using System.IO.Compression;
using System.Text.Json.Nodes;
using OnnxPriors.Artifacts;
using OnnxPriors.Artifacts.OrtTraining;
using OnnxPriors.Cli.Commands;
using OnnxPriors.Data.Arrays;
using OnnxPriors.Testing;

namespace OnnxPriors.Cli.Tests.Commands.Devices;

/// <summary>Packages and what devices trained, by the command line: bake, replay, checkpoint.</summary>
[TestClass]
public sealed class CheckpointVerbsTests
{
    private static readonly string Model = Path.Combine(SharedFiles.Checkout, "models", "demo-digits.onnx");

    private string folder = "";
    private string package = "";

    [TestInitialize]
    public void BakePackage()
    {
        folder = Directory.CreateTempSubdirectory("onnxpriors-device-").FullName;
        package = Path.Combine(folder, "package");
        var (code, _, error) = Run("bake", Model, "--prior", "isotropic", "--classes", "3", "--optimizer", "adamw", "--target", "both", "--zip", "--examples", "50", "-o", package);
        Assert.AreEqual(ExitCode.Done, code, error);
    }

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void The_archive_holds_the_folder_and_is_the_same_each_time()
    {
        var bytes = File.ReadAllBytes(package + ".zip");
        using (var zip = ZipFile.OpenRead(package + ".zip"))
            foreach (var entry in zip.Entries)
            {
                using var stream = entry.Open();
                using var copy = new MemoryStream();
                stream.CopyTo(copy);
                Assert.AreSequenceEqual(File.ReadAllBytes(Path.Combine(package, entry.Name)), copy.ToArray());
            }
        Assert.AreEqual(0.02, ManifestFile.Read(package).OrtTraining!.SuggestedPriorWeight);
        PackageArchive.Write(package, package + ".zip");
        Assert.AreSequenceEqual(bytes, File.ReadAllBytes(package + ".zip"));
    }

    [TestMethod]
    public void What_was_trained_elsewhere_is_shown_exported_and_gone_on_with()
    {
        var batches = Batches();
        // The step stands for the device here: it writes the buffer that JavaScript's API hands out.
        var trained = Path.Combine(folder, "trained.bin");
        var (code, output, error) = Run("replay", package, "--batches", batches, "--batch", "4", "--steps", "3", "--prior-weight", "0.02", "--parameters", trained, "--json");
        Assert.AreEqual(ExitCode.Done, code, error);
        Assert.HasCount(3, JsonNode.Parse(output)!["losses"]!.AsArray());

        (code, output, error) = Run("checkpoint", "info", trained, "--package", package, "--compare", Path.Combine(package, OrtTrainingFiles.Checkpoint), "--json");
        Assert.AreEqual(ExitCode.Done, code, error);
        var report = JsonNode.Parse(output)!;
        Assert.AreEqual(ManifestFile.Read(package).Parameters.Count, (int)report["trainableTensors"]!);
        Assert.IsGreaterThan(0, (double)report["relativeDistance"]!);

        var model = Path.Combine(folder, "personal.onnx");
        (code, _, error) = Run("checkpoint", "export", trained, "--package", package, "-o", model);
        Assert.AreEqual(ExitCode.Done, code, error);
        (code, _, error) = Run("verify", model, "--json");
        Assert.AreEqual(ExitCode.Done, code, error);

        var step = Path.Combine(folder, "step");
        (code, _, error) = Run("checkpoint", "resume", trained, "--package", package, "-o", step);
        Assert.AreEqual(ExitCode.Done, code, error);
        Assert.Contains("begins at zero", error);
        (code, _, error) = Run("replay", step, "--batches", batches, "--batch", "4", "--steps", "1");
        Assert.AreEqual(ExitCode.Done, code, error);
    }

    [TestMethod]
    public void A_package_that_was_tampered_with_is_refused_by_every_verb_that_reads_it()
    {
        var trained = Path.Combine(folder, "trained");
        File.Copy(Path.Combine(package, OrtTrainingFiles.Checkpoint), trained);
        string[][] readers =
        [
            ["replay", package, "--batches", Batches(), "--batch", "4", "--steps", "1"],
            ["checkpoint", "info", trained, "--package", package],
            ["checkpoint", "export", trained, "--package", package, "-o", Path.Combine(folder, "no.onnx")],
            ["checkpoint", "resume", trained, "--package", package, "-o", Path.Combine(folder, "no")],
        ];
        foreach (var file in ManifestFile.Read(package).Files)
        {
            var path = Path.Combine(package, file.Name);
            var whole = File.ReadAllBytes(path);
            var changed = whole.ToArray();
            changed[changed.Length / 2] ^= 4;
            File.WriteAllBytes(path, changed);
            Refused($"{file.Name}' was changed");
            File.Delete(path);
            Refused($"lacks '{file.Name}'");
            File.WriteAllBytes(path, whole);
        }
        var other = Path.Combine(folder, "other");
        Assert.AreEqual(ExitCode.Done, Run("bake", Model, "--prior", "zero", "--classes", "5", "--target", "ort-training", "-o", other).Code);
        File.Copy(Path.Combine(other, OrtTrainingFiles.Checkpoint), trained, overwrite: true);
        readers = readers[1..];
        Refused("trained from another package");
        var manifest = Path.Combine(package, StepFiles.Manifest);
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace("\"schemaVersion\": 1", "\"schemaVersion\": 2", StringComparison.Ordinal));
        Refused("schema 2");

        void Refused(string words)
        {
            foreach (var reader in readers)
            {
                var (code, output, error) = Run(reader);
                Assert.AreEqual(ExitCode.BadInput, code, error);
                Assert.Contains(words, error);
                Assert.HasCount(1, error.Trim().Split('\n'), error);
                Assert.AreEqual("", output);
                Assert.IsFalse(Path.Exists(Path.Combine(folder, "no.onnx")) || Path.Exists(Path.Combine(folder, "no")));
            }
        }
    }

    [TestMethod]
    [DataRow("--ort-version", "1.15", "1.16 or later")]
    [DataRow("--optimizer", "sghmc", "velocity")]
    [DataRow("--learning-rate", "-1", "above 0")]
    public void What_no_package_can_be_baked_for_is_one_message(string option, string value, string words)
    {
        var (code, _, error) = Run("bake", Model, "--prior", "none", "--classes", "3", "--target", "ort-training", option, value, "-o", Path.Combine(folder, "no"));
        Assert.AreEqual(ExitCode.BadInput, code);
        Assert.Contains(words, error);
        Assert.IsFalse(Directory.Exists(Path.Combine(folder, "no")));
    }

    [TestMethod]
    public void An_option_of_packages_without_one_is_refused()
    {
        var (code, _, error) = Run("bake", Model, "--prior", "none", "--classes", "3", "--noise", "-o", Path.Combine(folder, "no"));
        Assert.AreEqual(ExitCode.BadInput, code);
        Assert.Contains("--noise goes with --target", error);
    }

    private string Batches()
    {
        var path = Path.Combine(folder, "batches.npz");
        var random = new Random(1);
        NpzFile.Write(path,
        [
            new("x", NpzArray.Of<float>(Enumerable.Range(0, 8 * 64).Select(_ => random.NextSingle()).ToArray(), 8, 1, 8, 8)),
            new("labels", NpzArray.Of<long>([0, 1, 2, 0, 1, 2, 0, 1], 8)),
        ]);
        return path;
    }

    private static (int Code, string Output, string Error) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return (CommandLine.Run(args, output, error), output.ToString(), error.ToString());
    }
}
