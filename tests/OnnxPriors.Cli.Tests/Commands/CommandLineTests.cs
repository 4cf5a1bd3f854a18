using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using OnnxPriors.Cli.Commands;
using OnnxPriors.Cli.Display;
using OnnxPriors.Data;

namespace OnnxPriors.Cli.Tests.Commands;

[TestClass]
public sealed class CommandLineTests
{
    [TestMethod]
    public void A_result_goes_to_the_standard_output_and_remarks_to_the_other()
    {
        var (code, output, error) = Run(["probe", "--count", "3"]);

        Assert.AreEqual(ExitCode.Done, code);
        Assert.AreEqual("count is 3", output.Trim());
        Assert.Contains("probing", error);
    }

    [TestMethod]
    public void JSON_is_one_document_and_nothing_else()
    {
        var (code, output, _) = Run(["probe", "--json"]);

        Assert.AreEqual(ExitCode.Done, code);
        Assert.AreEqual(1, JsonDocument.Parse(output).RootElement.GetProperty("count").GetInt32());
    }

    [TestMethod]
    public void Quiet_leaves_only_the_result()
    {
        var (_, output, error) = Run(["group", "probe", "--quiet"]);
        Assert.AreEqual("count is 1", output.Trim());
        Assert.AreEqual("", error);
    }

    [TestMethod]
    [DataRow("nonsense")]
    [DataRow("probe", "--nonsense")]
    [DataRow("probe", "--count", "many")]
    [DataRow("probe", "--count")]
    [DataRow("probe", "left", "over")]
    [DataRow("group")]
    [DataRow("group", "nonsense")]
    [DataRow("")]
    public void What_cannot_be_understood_is_bad_usage(params string[] args)
    {
        var (code, output, error) = Run(args);

        Assert.AreEqual(ExitCode.BadInput, code);
        Assert.AreEqual("", output);
        Assert.StartsWith("error: ", error);
        Assert.Contains("--help", error);
    }

    [TestMethod]
    public void No_arguments_at_all_show_the_help_where_errors_go()
    {
        var (code, output, error) = Run([]);
        Assert.AreEqual(ExitCode.BadInput, code);
        Assert.AreEqual("", output);
        Assert.Contains("probe", error);
    }

    [TestMethod]
    public void Help_shows_options_and_examples()
    {
        var (code, output, error) = Run(["group", "probe", "--help"]);

        Assert.AreEqual(ExitCode.Done, code);
        Assert.AreEqual("", error);
        Assert.Contains("--count", output);
        Assert.Contains("onnxpriors group probe [options]", output);
        Assert.Contains("onnxpriors probe --count 3", output);
        Assert.Contains("Probe thrice", output);
    }

    [TestMethod]
    public void The_version_is_a_number()
    {
        var (code, output, _) = Run(["--version"]);
        Assert.AreEqual(ExitCode.Done, code);
        Assert.MatchesRegex(@"^\d+\.\d+\.\d+$", output.Trim());
    }

    [TestMethod]
    public void Every_verb_has_help_with_an_example_and_default_values_that_parse()
    {
        var paths = Verbs.All.Select(verb => new[] { verb.Name }).Concat(Verbs.Groups.SelectMany(group => group.Verbs.Select(verb => new[] { group.Name, verb.Name })));
        foreach (var path in paths)
        {
            using var output = new StringWriter();
            using var error = new StringWriter();
            Assert.AreEqual(ExitCode.Done, CommandLine.Run([.. path, "--help"], output, error), string.Join(' ', path));
            Assert.Contains("Examples:", output.ToString(), string.Join(' ', path));
            Assert.Contains($"onnxpriors {string.Join(' ', path)} ", output.ToString(), string.Join(' ', path));
        }
    }

    [TestMethod]
    public void Errors_that_are_foreseen_are_one_message_and_bad_input()
    {
        var (code, output, error) = Run(["probe"], () => throw new DataException("the picture is broken"));

        Assert.AreEqual(ExitCode.BadInput, code);
        Assert.AreEqual("", output);
        Assert.AreEqual("error: the picture is broken", error.Split('\n')[1].Trim());
        Assert.DoesNotContain(nameof(DataException), error);
    }

    [TestMethod]
    public void Verbose_adds_the_stack_trace()
    {
        var (_, _, error) = Run(["probe", "--verbose"], () => throw new DataException("the picture is broken"));
        Assert.Contains(nameof(DataException), error);
        Assert.Contains("   at ", error);
    }

    [TestMethod]
    public void Errors_that_are_not_foreseen_fail_and_say_how_to_see_more()
    {
        var (code, _, error) = Run(["probe"], () => throw new InvalidOperationException("odd"));
        Assert.AreEqual(ExitCode.Failed, code);
        Assert.Contains("odd (InvalidOperationException", error);
        Assert.Contains("--verbose", error);
    }

    [TestMethod]
    public void A_file_that_is_not_there_is_bad_input()
    {
        var (code, _, error) = Run(["probe"], () => File.OpenRead("/nowhere/at all").Dispose());
        Assert.AreEqual(ExitCode.BadInput, code);
        Assert.Contains("/nowhere/at all", error);
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void A_full_disk_is_a_failure_that_says_so()
    {
        var (code, _, error) = Run(["probe"], () =>
        {
            using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write);
            full.Write(new byte[1 << 16]);
            full.Flush(flushToDisk: true);
        });
        Assert.AreEqual(ExitCode.Failed, code);
        Assert.Contains("the disk is full", error);
    }

    [TestMethod]
    public void Cancelling_is_told_apart_from_failing()
    {
        Assert.AreEqual((ExitCode.Interrupted, "cancelled."), Failure.Explain(new OperationCanceledException(), ExitCode.Interrupted));
        Assert.AreEqual((ExitCode.Terminated, "terminated."), Failure.Explain(new AggregateException(new OperationCanceledException()), ExitCode.Terminated));
        Assert.AreEqual(ExitCode.BadInput, Failure.Explain(new DataException("x"), ExitCode.Interrupted).Code);
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    public void A_signal_to_end_cancels_the_work_and_is_told_by_the_exit_code()
    {
        var (code, output, error) = Run(["probe"], cancellation =>
        {
            using var kill = System.Diagnostics.Process.Start("kill", ["-TERM", Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            kill.WaitForExit();
            Assert.IsTrue(cancellation.WaitHandle.WaitOne(TimeSpan.FromSeconds(20)));
            cancellation.ThrowIfCancellationRequested();
        });

        Assert.AreEqual(ExitCode.Terminated, code);
        Assert.AreEqual("", output);
        Assert.EndsWith("terminated.", error.TrimEnd());
        Assert.DoesNotContain("error:", error);
    }

    private static (int Code, string Output, string Error) Run(string[] args, Action work) => Run(args, _ => work());

    private static (int Code, string Output, string Error) Run(string[] args, Action<CancellationToken>? work = null)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var verb = new Probe(work);
        var code = CommandLine.Run(args, output, error, [verb], [new VerbGroup("group", "Verbs of two words.", [verb])]);
        return (code, output.ToString(), error.ToString());
    }

    private sealed class Probe(Action<CancellationToken>? work) : IVerb
    {
        private readonly Option<int> count = new("--count") { Description = "How often.", DefaultValueFactory = _ => 1 };

        public string Name => "probe";

        public string Summary => "Probes.";

        public IReadOnlyList<Example> Examples { get; } = [new("probe --count 3", "Probe thrice")];

        public void Declare(Command command) => command.Add(count);

        public int Run(ParseResult given, Terminal terminal, CancellationToken cancellation)
        {
            terminal.Remark("probing");
            work?.Invoke(cancellation);
            var result = new Probed(given.GetValue(count));
            terminal.Show(result, ProbedJson.Default.Probed, screen => screen.Write(new Spectre.Console.Text($"count is {result.Count}")));
            return ExitCode.Done;
        }
    }
}

internal sealed record Probed(int Count);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Probed))]
internal sealed partial class ProbedJson : JsonSerializerContext;
