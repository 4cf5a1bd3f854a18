using OnnxPriors.Data.Arrays;

namespace OnnxPriors.Data.Sources;

/// <summary>
/// Examples and labels of an NPZ file, found by name: <c>x</c>, <c>images</c>, <c>features</c> or <c>data</c> with <c>y</c>,
/// <c>labels</c> or <c>targets</c>; or such pairs by part, as <c>x_train</c>, <c>y_train</c>, <c>x_test</c>, <c>y_test</c>.
/// </summary>
internal static class NpzSource
{
    private static readonly string[] ExampleNames = ["x", "images", "features", "data"];
    private static readonly string[] LabelNames = ["y", "labels", "targets"];

    public static ArrayDataset Open(string path, TargetKind targets, DataLimits limits)
    {
        var arrays = NpzFile.Read(path, limits);
        var examples = Find(path, arrays.Keys, ExampleNames);
        var labels = Find(path, arrays.Keys, LabelNames);
        if (examples.Count == 0 || !examples.Keys.Order().SequenceEqual(labels.Keys.Order()))
            throw new DataException(
                $"'{path}' holds {Listed([.. arrays.Keys])}; it needs examples ({string.Join(", ", ExampleNames)}) and labels ({string.Join(", ", LabelNames)}), "
                + "or both for each part (x_train, y_train, x_test, y_test).");
        if (examples.Count > 1 && examples.TryGetValue(DataSplit.None, out var undivided))
            throw new DataException($"'{path}' mixes layouts: '{undivided}' beside examples by part.");
        return new ArrayDataset(
            path,
            [.. examples.Keys.Order().Select(split => Part(path, arrays[examples[split]], labels[split], arrays[labels[split]], targets, split, limits))],
            classNames: null,
            limits);
    }

    private static ArrayPart Part(string path, NpzArray examples, string name, NpzArray labels, TargetKind targets, DataSplit split, DataLimits limits)
    {
        if (targets == TargetKind.Class)
            return new(examples, Labels(path, name, labels, limits), split);
        if (targets == TargetKind.Mask)
            throw new DataException($"'{path}' is an NPZ file; masks are read as PNG files beside their pictures, images/NAME and masks/NAME.png.");
        var count = labels.Shape.Count == 0 ? 0 : labels.Shape[0];
        if (labels.Shape.Count is not (1 or 2) || labels.Shape[^1] is < 1 or > int.MaxValue)
            throw new DataException($"'{path}' has labels '{name}' {labels}; {(targets == TargetKind.Flags ? "several labels for each example are [N, C] of 0 and 1" : "numbers are [N], or [N, D]")}.");
        var width = labels.Shape.Count == 1 ? 1 : (int)labels.Shape[1];
        return new(examples, new int[count], split) { Targets = new(targets, labels.ToSingles(), width) };
    }

    private static int[] Labels(string path, string name, NpzArray array, DataLimits limits)
    {
        if (array.Shape.Count != 1 && !(array.Shape.Count == 2 && array.Shape[1] == 1))
            throw new DataException($"'{path}' has labels '{name}' {array}; they are one class index for each example, [N].");
        return ArrayDataset.CheckLabels(path, array.ToInt64s(), limits);
    }

    private static Dictionary<DataSplit, string> Find(string path, IEnumerable<string> names, string[] wanted)
    {
        var found = new Dictionary<DataSplit, string>();
        foreach (var name in names)
        {
            var words = name.ToLowerInvariant().Split('_');
            var split = words.Select(DataSplitNames.Parse).FirstOrDefault(part => part is not null) ?? DataSplit.None;
            if (!words.Any(wanted.Contains) || words.Length > (split == DataSplit.None ? 1 : 2))
                continue;
            if (!found.TryAdd(split, name))
                throw new DataException($"'{path}' holds both '{found[split]}' and '{name}'; only one of them can be meant.");
        }
        return found;
    }

    private static string Listed(string[] names) =>
        names.Length == 0 ? "no array" : string.Join(", ", names.Take(8).Select(name => $"'{name}'")) + (names.Length > 8 ? " and more" : "");
}
