using OnnxPriors.Cli.Display;

namespace OnnxPriors.Cli.Tests.Display;

[TestClass]
public sealed class LineProgressTests
{
    [TestMethod]
    public void A_line_comes_every_five_seconds_and_at_the_end()
    {
        var clock = new Clock();
        using var error = new StringWriter();

        LineProgress.Run("fitting", 100, "steps", error, clock, report =>
        {
            for (var step = 1; step <= 100; step++)
            {
                clock.Now += TimeSpan.FromSeconds(0.1);
                report.Report(step, detail: $"loss {step}");
            }
            return 0;
        });

        Assert.AreSequenceEqual(
            ["fitting: 50/100 steps, 10.0 steps/s, 0:05 left, loss 50", "fitting: 100/100 steps, 10.0 steps/s, loss 100"],
            error.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }

    [TestMethod]
    public void What_the_work_knows_better_is_shown()
    {
        var clock = new Clock();
        using var error = new StringWriter();
        LineProgress.Run("training", 10, "steps", error, clock, report =>
        {
            clock.Now += TimeSpan.FromSeconds(6);
            report.Report(5, rate: "312 images/s", remaining: TimeSpan.FromMinutes(75));
            return 0;
        });
        Assert.AreEqual("training: 5/10 steps, 312 images/s, 1:15:00 left", error.ToString().Trim());
    }

    [TestMethod]
    public void Work_of_unknown_length_shows_what_is_done()
    {
        var clock = new Clock();
        using var error = new StringWriter();
        LineProgress.Run("reading", 0, "files", error, clock, report =>
        {
            clock.Now += TimeSpan.FromSeconds(60);
            report.Report(30);
            return 0;
        });
        Assert.AreEqual("reading: 30 files, 30.0 files/min", error.ToString().Trim());
    }

    [TestMethod]
    public void A_terminal_that_is_none_gets_lines_and_a_quiet_one_nothing()
    {
        Assert.Contains("working: 3/3 things", Shown(quiet: false));
        Assert.AreEqual("", Shown(quiet: true));

        static string Shown(bool quiet)
        {
            using var output = new StringWriter();
            using var error = new StringWriter();
            new Terminal(output, error, quiet: quiet).Track("working", 3, "things", report => report.Report(3));
            Assert.AreEqual("", output.ToString());
            return error.ToString();
        }
    }

    private sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
