using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Spectre.Console;

namespace OnnxPriors.Cli.Display;

/// <summary>
/// Where a verb speaks. The standard output takes the result and nothing else: text, or one JSON document. The standard error takes
/// progress, remarks and errors.
/// </summary>
internal sealed class Terminal
{
    // A file or pipe has no width; tables and long lines are not to be folded there.
    private const int WidthWithoutTerminal = 500;

    private readonly TextWriter output;
    private readonly TextWriter error;
    private readonly bool json;
    private readonly bool quiet;
    private readonly Lazy<IAnsiConsole> screen;

    /// <summary>Opens a terminal.</summary>
    /// <param name="output">The standard output.</param>
    /// <param name="error">The standard error.</param>
    /// <param name="json">Whether results are JSON.</param>
    /// <param name="quiet">Whether progress and remarks are left out.</param>
    public Terminal(TextWriter output, TextWriter error, bool json = false, bool quiet = false)
    {
        this.output = output;
        this.error = error;
        this.json = json;
        this.quiet = quiet;
        screen = new(() => Open(error, ReferenceEquals(error, Console.Error) && Console.IsErrorRedirected));
    }

    /// <summary>Whether the result is to be JSON.</summary>
    public bool IsJson => json;

    /// <summary>The same for work within another verb's: progress and remarks come, its result does not.</summary>
    public Terminal WithoutResults() => new(TextWriter.Null, error, json, quiet);

    /// <summary>Shows the verb's result, once.</summary>
    /// <typeparam name="T">The result.</typeparam>
    /// <param name="result">The result.</param>
    /// <param name="type">How it is written as JSON, from a source-generated context.</param>
    /// <param name="display">How it is shown to people.</param>
    public void Show<T>(T result, JsonTypeInfo<T> type, Action<IAnsiConsole> display)
    {
        if (json)
            output.WriteLine(Indented(result, type));
        else
            display(Open(output, ReferenceEquals(output, Console.Out) && Console.IsOutputRedirected));
        output.Flush();
    }

    /// <summary>A remark on what is being done.</summary>
    public void Remark(string text)
    {
        if (!quiet)
            WriteLine(text);
    }

    /// <summary>Something that is done, and perhaps not as meant; <c>--quiet</c> does not silence it.</summary>
    public void Warn(string text) => WriteLine($"warning: {text}");

    /// <summary>Something that must be known and is no fault; <c>--quiet</c> does not silence it.</summary>
    public void Note(string text) => WriteLine(text);

    /// <summary>Why the command failed.</summary>
    public void Error(string text) => WriteLine($"error: {text}");

    /// <summary>
    /// Does work with its progress shown: a bar with throughput and the time that remains where people watch, a line every few
    /// seconds otherwise.
    /// </summary>
    /// <typeparam name="T">What the work gives.</typeparam>
    /// <param name="title">What is done: <c>fitting</c>.</param>
    /// <param name="total">The units of work in all; 0 where they are not known.</param>
    /// <param name="unit">What is counted, in the plural: <c>steps</c>.</param>
    /// <param name="work">The work; it reports as it goes.</param>
    public T Track<T>(string title, long total, string unit, Func<IProgressReport, T> work)
    {
        if (quiet)
            return work(new SilentProgress());
        if (!screen.Value.Profile.Capabilities.Interactive)
            return LineProgress.Run(title, total, unit, error, TimeProvider.System, work);
        return BarProgress.Run(title, total, unit, screen.Value, work);
    }

    /// <inheritdoc cref="Track{T}"/>
    public void Track(string title, long total, string unit, Action<IProgressReport> work) => Track(title, total, unit, report =>
    {
        work(report);
        return true;
    });

    private void WriteLine(string text)
    {
        lock (error)
            error.WriteLine(text);
    }

    private static IAnsiConsole Open(TextWriter writer, bool redirected)
    {
        var isConsole = ReferenceEquals(writer, Console.Out) || ReferenceEquals(writer, Console.Error);
        var interactive = isConsole && !redirected;
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = interactive ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = interactive ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = interactive ? InteractionSupport.Yes : InteractionSupport.No,
        });
        if (!interactive)
            console.Profile.Width = WidthWithoutTerminal;
        return console;
    }

    // Read by programs and people, never pasted into a page: '+' and '±' stay as they are.
    private static string Indented<T>(T result, JsonTypeInfo<T> type)
    {
        using var memory = new MemoryStream();
        using (var writer = new Utf8JsonWriter(memory, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            JsonSerializer.Serialize(writer, result, type);
        return System.Text.Encoding.UTF8.GetString(memory.ToArray());
    }
}
