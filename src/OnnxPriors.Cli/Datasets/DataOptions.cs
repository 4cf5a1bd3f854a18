using System.CommandLine;
using System.Globalization;
using OnnxPriors.Data;

namespace OnnxPriors.Cli.Datasets;

/// <summary>What a verb does with data, which decides the options it takes.</summary>
[Flags]
internal enum DataUse
{
    /// <summary>It reads all examples.</summary>
    Read = 0,
    /// <summary>It trains: examples are drawn for training and validation, and changed at random.</summary>
    Train = 1,
    /// <summary>It measures: a part is chosen.</summary>
    Measure = 2,
}

/// <summary>The options that name data and say how it is prepared, the same for every verb that reads data.</summary>
internal sealed class DataOptions
{
    private readonly DataUse use;

    private readonly Option<string> data = new("--data", "-d")
    {
        Description = "The examples: a folder or zip of pictures (class/file, or train|val|test/class/file; for a segmentation images/file with masks/file.png, or both in train|val|test), an NPZ (x, y), a CSV, or an IDX file or folder.",
        HelpName = "SRC",
        Required = true,
    };

    private readonly Option<string?> label = new("--label-column") { Description = "The CSV column of the labels. Default: label, class, target or y, else the column of text, else the last.", HelpName = "NAME" };
    private readonly Option<string?> preset = new("--preprocess")
    {
        Description = $"How pictures are prepared: {string.Join(", ", Preprocessing.PresetNames)}. Default: what the model's metadata says.",
        HelpName = "PRESET",
    };

    private readonly Option<int?> imageSize = new("--image-size") { Description = "Height and width of the pictures in pixels. Default: the model's, else the preset's.", HelpName = "S" };
    private readonly Option<int?> resize = new("--resize") { Description = "What the short side is resized to before the crop, in pixels; 0: as small as covers the size. Default: the preset's.", HelpName = "PIXELS" };
    private readonly Option<CropMode?> crop = new("--crop") { Description = "Whether the centre is cut out or the whole picture is stretched to the size. Default: the preset's.", HelpName = "center|none" };
    private readonly Option<ChannelOrder?> channels = new("--channels") { Description = "The order of the channels. Default: the preset's.", HelpName = "rgb|bgr|gray" };
    private readonly Option<PixelScale?> scale = new("--pixel-scale") { Description = "Whether values run from 0 to 1 or to 255 before mean and deviation. Default: the preset's.", HelpName = "unit|byte" };
    private readonly Option<float[]?> mean = Numbers("--mean", "What is subtracted from each channel, in the model's order: 0.485,0.456,0.406. Default: the preset's.");
    private readonly Option<float[]?> deviation = Numbers("--std", "What each channel is divided by after that: 0.229,0.224,0.225. Default: the preset's.");

    private readonly Option<double?> validation = new("--validation") { Description = "The share of each class that validates, 0 to 1. Default: the source's own validation part, else none.", HelpName = "SHARE" };
    private readonly Option<int?> perClass = new("--examples-per-class") { Description = "How many examples of each class train, drawn at random; of data without classes (masks, several labels, numbers) how many in all. Default: all.", HelpName = "N" };
    private readonly Option<AugmentationKind> augment = new("--augment")
    {
        Description = "Random changes to training pictures: none, flip (mirrored), padded (moved by up to 4 pixels, and mirrored), resized (a random part, and mirrored).",
        HelpName = "none|flip|padded|resized",
        DefaultValueFactory = _ => AugmentationKind.None,
    };

    private readonly Option<DataPart?> part = new("--split") { Description = "The part to measure on: train, validation, test or all; of a run's own data the parts as the run drew them. Default: test where there is one, else for a run what it has not seen, else all.", HelpName = "PART" };
    private readonly Option<int> threads = new("--data-threads") { Description = "The threads that decode pictures; 0: one a processor.", HelpName = "N", DefaultValueFactory = _ => 0 };
    private readonly Option<int> cache = new("--data-cache") { Description = "The most memory for decoded pictures, in MiB.", HelpName = "MIB", DefaultValueFactory = _ => 1024 };

    /// <summary>The options of a verb.</summary>
    /// <param name="use">What the verb does with data.</param>
    public DataOptions(DataUse use) => this.use = use;

    /// <summary>Adds them to a verb's command.</summary>
    public void AddTo(Command command)
    {
        Option[] all = [data, label, preset, imageSize, resize, crop, channels, scale, mean, deviation];
        Option[] training = use.HasFlag(DataUse.Train) ? [validation, perClass, augment] : [];
        Option[] measuring = use.HasFlag(DataUse.Measure) ? [part] : [];
        foreach (var option in (Option[])[.. all, .. training, .. measuring, threads, cache])
            command.Add(option);
    }

    /// <summary>Takes what was given.</summary>
    public DataSettings Read(ParseResult given) => new()
    {
        Path = given.GetRequiredValue(data),
        LabelColumn = given.GetValue(label),
        Preset = given.GetValue(preset),
        ImageSize = given.GetValue(imageSize),
        Resize = given.GetValue(resize),
        Crop = given.GetValue(crop),
        Channels = given.GetValue(channels),
        Scale = given.GetValue(scale),
        Mean = GivenNumbers(given, mean),
        Deviation = GivenNumbers(given, deviation),
        ValidationShare = use.HasFlag(DataUse.Train) ? given.GetValue(validation) : null,
        ExamplesPerClass = use.HasFlag(DataUse.Train) ? given.GetValue(perClass) : null,
        Augmentation = use.HasFlag(DataUse.Train) ? Augmented(given.GetValue(augment)) : Augmentation.None,
        Part = use.HasFlag(DataUse.Measure) ? given.GetValue(part) : null,
        Threads = given.GetValue(threads),
        CacheBytes = (long)given.GetValue(cache) << 20,
    };

    /// <summary>An option of an array that is not given has the value of an empty one.</summary>
    private static float[]? GivenNumbers(ParseResult given, Option<float[]?> option) => given.GetResult(option) is null ? null : given.GetValue(option);

    private static Augmentation Augmented(AugmentationKind kind) => kind switch
    {
        AugmentationKind.Flip => new Augmentation { Flip = true },
        AugmentationKind.Padded => new Augmentation { Crop = CropAugmentation.Padded, Flip = true },
        AugmentationKind.Resized => new Augmentation { Crop = CropAugmentation.Resized, Flip = true },
        _ => Augmentation.None,
    };

    private static Option<float[]?> Numbers(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "X,Y,Z",
        CustomParser = result =>
        {
            var values = new List<float>();
            foreach (var text in result.Tokens.SelectMany(token => token.Value.Split(',')))
                if (float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
                    values.Add(value);
                else
                    result.AddError($"'{text}' in {name} is no number; give one for each channel with commas between them.");
            return [.. values];
        },
    };
}

/// <summary>What <c>--augment</c> takes.</summary>
internal enum AugmentationKind
{
    None,
    Flip,
    Padded,
    Resized,
}

/// <summary>What <c>--split</c> takes.</summary>
internal enum DataPart
{
    Train,
    Validation,
    Test,
    All,
}
