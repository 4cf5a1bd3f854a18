using System.Text.Json.Nodes;
using OnnxPriors.Cli.Commands;
using OnnxPriors.Testing;

namespace OnnxPriors.Cli.Tests.Benchmarking;

[TestClass]
public sealed class BenchmarkVerbTests
{
    private static readonly string Model = Path.Combine(SharedFiles.Checkout, "models", "demo-digits.onnx");

    [TestMethod]
    public void All_four_contenders_are_measured_and_the_shares_are_of_the_whole_step()
    {
        var (code, output, error) = Run("benchmark", Model, "--batch", "4", "--rounds", "1", "--threads", "1", "--json");
        Assert.AreEqual(ExitCode.Done, code, error);
        var report = JsonNode.Parse(output)!;
        foreach (var one in (string[])["prior", "noPrior", "torchPrior", "torchNoPrior"])
        {
            Assert.IsGreaterThan(0, (double)report["stepMilliseconds"]![one]!, one);
            Assert.IsGreaterThan(10, (double)report["peakMegabytes"]![one]!, one);
            Assert.IsGreaterThanOrEqualTo(1, (double)report["steps"]![one]!, one);
        }
        Assert.AreEqual((double)report["stepMilliseconds"]!["prior"]! / (double)report["stepMilliseconds"]!["torchPrior"]!, (double)report["ratio"]!, 1e-12);
        var shares = ((JsonObject)report["share"]!).Select(p => (double)p.Value!).ToList();
        Assert.HasCount(4, shares);
        Assert.IsTrue(shares.All(s => s > 0), string.Join(' ', shares));
        Assert.AreEqual(1, shares.Sum(), 1e-9);
        Assert.IsTrue(report["operators"]!.AsArray().Any(o => (string)o!["phase"]! == "backward" && (double)o["milliseconds"]! > 0));
        Assert.AreEqual("standard", (string)report["kernels"]!);
    }

    [TestMethod]
    [DataRow("--rank", "1")]
    [DataRow("--batch", "0")]
    [DataRow("--rounds", "0")]
    public void Numbers_out_of_range_are_refused(string option, string value)
    {
        var (code, output, error) = Run("benchmark", Model, option, value);
        Assert.AreEqual(ExitCode.BadInput, code);
        Assert.AreEqual("", output);
        Assert.Contains(option, error);
    }

    private static (int Code, string Output, string Error) Run(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return (CommandLine.Run(arguments, output, error), output.ToString(), error.ToString());
    }
}
