using System.Text.RegularExpressions;
using OnnxPriors.Testing;

namespace OnnxPriors.Tests.Architecture;

/// <summary>Rules of the code base that a reader relies on, held by tests because prose drifts.</summary>
[TestClass]
public sealed partial class SourceRulesTests
{
    private static readonly string[] Programs = ["OnnxPriors.Cli", "OnnxPriors.OnDevice.Sample"];

    private const int MaxLines = 400;

    // A stage may use the stages before it. Onnx is the edge that turns graphs into files.
    private static readonly string[] Stages =
    [
        "Randomness", "Graphs", "Onnx", "Normalization", "Importing", "Gradients", "Objectives", "Priors", "PyTorch", "Optimizers", "Artifacts",
        "Catalogue",
    ];

    [TestMethod]
    public void No_source_file_is_longer_than_a_person_reads_at_once()
    {
        var long_ = Sources().Select(f => (File: f, Lines: File.ReadLines(f).Count())).Where(f => f.Lines > MaxLines).Select(f => $"{f.File}: {f.Lines}").ToList();
        Assert.IsEmpty(long_, string.Join('\n', long_));
    }

    [TestMethod]
    public void Namespaces_are_folders()
    {
        var wrong = new List<string>();
        foreach (var file in Sources().Where(f => !f.Contains($"{Path.DirectorySeparatorChar}Conditions{Path.DirectorySeparatorChar}", StringComparison.Ordinal)))
        {
            var match = NamespaceLine().Match(File.ReadAllText(file));
            if (!match.Success)
                continue;
            var relative = Path.GetDirectoryName(Path.GetRelativePath(SharedFiles.Checkout, file))!.Split(Path.DirectorySeparatorChar);
            var expected = string.Join('.', relative.Skip(1));
            if (match.Groups[1].Value != expected)
                wrong.Add($"{file}: namespace {match.Groups[1].Value}, expected {expected}");
        }
        Assert.IsEmpty(wrong, string.Join('\n', wrong));
    }

    [TestMethod]
    public void Stages_of_the_core_depend_only_on_earlier_ones()
    {
        var root = Path.Combine(SharedFiles.Checkout, "src", "OnnxPriors");
        var wrong = new List<string>();
        for (var i = 0; i < Stages.Length; i++)
        {
            var folder = Path.Combine(root, Stages[i]);
            foreach (var file in Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories) : [])
                foreach (Match use in UsingLine().Matches(File.ReadAllText(file)))
                    if (Array.IndexOf(Stages, use.Groups[1].Value) > i)
                        wrong.Add($"{file} uses {use.Groups[1].Value}");
        }
        Assert.IsEmpty(wrong, string.Join('\n', wrong));
    }

    [TestMethod]
    public void Every_folder_of_the_core_is_a_known_stage()
    {
        var folders = Directory.EnumerateDirectories(Path.Combine(SharedFiles.Checkout, "src", "OnnxPriors"))
            .Select(f => Path.GetFileName(f)).Where(f => f is not ("bin" or "obj"));
        Assert.IsEmpty(folders.Except(Stages));
    }

    [TestMethod]
    public void Only_programs_write_to_the_console_and_nothing_draws_unseeded_numbers()
    {
        var wrong = Sources()
            .Where(f => f.Contains($"{Path.DirectorySeparatorChar}src{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .SelectMany(f => File.ReadLines(f).Select(line => (File: f, Line: line)))
            .Where(l => l.Line.Contains("Random.Shared", StringComparison.Ordinal)
                || (l.Line.Contains("Console.Write", StringComparison.Ordinal) && !Programs.Any(program => l.File.Contains(program, StringComparison.Ordinal))))
            .Select(l => $"{l.File}: {l.Line.Trim()}").ToList();
        Assert.IsEmpty(wrong, string.Join('\n', wrong));
    }

    private static IEnumerable<string> Sources() =>
        from top in (string[])["src", "tests"]
        from file in Directory.EnumerateFiles(Path.Combine(SharedFiles.Checkout, top), "*.cs", SearchOption.AllDirectories)
        where !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj")
        select file;

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"^using OnnxPriors\.(\w+)", RegexOptions.Multiline)]
    private static partial Regex UsingLine();
}
