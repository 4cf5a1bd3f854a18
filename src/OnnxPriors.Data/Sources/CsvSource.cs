using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;
using OnnxPriors.Data.Arrays;

namespace OnnxPriors.Data.Sources;

/// <summary>
/// A table of numbers with a column of labels (RFC 4180; separated by commas, semicolons or tabs, with a header or without).
/// Labels that are all whole numbers are class indices; otherwise each text is a class, in ordinal order. Where numbers are wanted the
/// column holds the number to predict.
/// </summary>
internal static class CsvSource
{
    private static readonly string[] Delimiters = [",", ";", "\t"];
    private static readonly string[] UsualLabelColumns = ["label", "class", "target", "y"];

    public static ArrayDataset Open(string path, string? labelColumn, TargetKind targets, DataLimits limits)
    {
        try
        {
            using var text = new StreamReader(path);
            using var parser = new CsvParser(text, Configuration(path));
            return Read(path, parser, labelColumn, targets, limits);
        }
        catch (CsvHelperException error)
        {
            throw new DataException($"'{path}' cannot be read as CSV: {error.Message.Split('\n')[0].Trim()}", error);
        }
    }

    private static CsvConfiguration Configuration(string path)
    {
        var first = ReadFirstLine(path);
        var delimiter = Delimiters.MaxBy(text => first.Count(character => character == text[0]))!;
        return new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            Delimiter = delimiter,
            TrimOptions = TrimOptions.Trim,
            MaxFieldSize = 4096,
            IgnoreBlankLines = true,
        };
    }

    private static string ReadFirstLine(string path)
    {
        using var reader = new StreamReader(path);
        var buffer = new char[1 << 20];
        var text = new string(buffer, 0, reader.ReadBlock(buffer));
        return text.Split('\n', 2)[0];
    }

    private static ArrayDataset Read(string path, CsvParser parser, string? labelColumn, TargetKind targets, DataLimits limits)
    {
        if (targets is TargetKind.Mask or TargetKind.Flags)
            throw new DataException($"'{path}' is a CSV file, which has one column of targets; {(targets == TargetKind.Mask ? "masks are PNG files beside their pictures" : "several labels for each example come as an NPZ with labels [N, C]")}.");
        if (!parser.Read())
            throw new DataException($"'{path}' is empty.");
        var columns = parser.Record!;
        if (columns.Length < 2)
            throw new DataException($"'{path}' has one column; it needs features and a label.");
        var second = parser.Read() ? parser.Record! : [];
        var hasHeader = IsHeader(columns, second, labelColumn);
        var label = FindLabel(path, hasHeader ? columns : null, second.Length == 0 ? columns : second, labelColumn);

        var features = new List<float>();
        var labels = new List<string>();
        if (!hasHeader)
            AddRow(columns, 1);
        if (second.Length != 0)
            AddRow(second, 2);
        while (parser.Read())
            AddRow(parser.Record!, parser.RawRow);
        if (labels.Count == 0)
            throw new DataException($"'{path}' holds no example, only a header.");

        var array = NpzArray.Of<float>(features.ToArray(), labels.Count, columns.Length - 1);
        if (targets == TargetKind.Numbers)
            return new ArrayDataset(path, [new ArrayPart(array, new int[labels.Count], DataSplit.None) { Targets = new(targets, Numbers(path, labels), 1) }], null, limits);
        var (indices, names) = Classes(path, labels, limits);
        return new ArrayDataset(path, [new ArrayPart(array, indices, DataSplit.None)], names, limits);

        void AddRow(string[] cells, int line)
        {
            if (cells.Length != columns.Length)
                throw new DataException($"'{path}' has {cells.Length} cells in line {line}; the first has {columns.Length}.");
            if ((long)(features.Count + columns.Length) * sizeof(float) > limits.TableBytes)
                throw new DataException($"'{path}' holds more than {limits.TableBytes} bytes of numbers. Split it, or use NPZ.");
            for (var column = 0; column < columns.Length; column++)
                if (column == label)
                    labels.Add(cells[column]);
                else if (TryParse(cells[column], out var value))
                    features.Add(value);
                else
                    throw new DataException(
                        $"'{path}' has '{cells[column]}' in line {line}, column {(hasHeader ? $"'{columns[column]}'" : column + 1)}, where a finite number is expected.");
        }
    }

    private static float[] Numbers(string path, List<string> cells)
    {
        var numbers = new float[cells.Count];
        for (var i = 0; i < numbers.Length; i++)
            if (!TryParse(cells[i], out numbers[i]))
                throw new DataException($"'{path}' has '{cells[i]}' as the target of example {i}, where a finite number is expected; name the column of the targets with --label-column.");
        return numbers;
    }

    /// <summary>A first row of names has text where the row below has a number, or names the label's column.</summary>
    private static bool IsHeader(string[] first, string[] second, string? labelColumn)
    {
        if (first.Any(cell => cell == labelColumn || UsualLabelColumns.Contains(cell.ToLowerInvariant())))
            return true;
        for (var column = 0; column < Math.Min(first.Length, second.Length); column++)
            if (!TryParse(first[column], out _) && TryParse(second[column], out _))
                return true;
        return false;
    }

    private static int FindLabel(string path, string[]? header, string[] row, string? wanted)
    {
        if (wanted is not null)
        {
            var index = Array.IndexOf(header ?? [], wanted);
            if (index >= 0)
                return index;
            throw new DataException(header is null
                ? $"'{path}' has no header, so no column is called '{wanted}'. Leave the name out: the label is in the last column."
                : $"'{path}' has no column '{wanted}'; it has {string.Join(", ", header.Take(20).Select(name => $"'{name}'"))}{(header.Length > 20 ? " and more" : "")}.");
        }
        var usual = Enumerable.Range(0, header?.Length ?? 0).Where(column => UsualLabelColumns.Contains(header![column].ToLowerInvariant())).ToList();
        if (usual is [var called])
            return called;
        var texts = Enumerable.Range(0, row.Length).Where(column => !TryParse(row[column], out _)).ToList();
        return texts is [var text] ? text : row.Length - 1;
    }

    private static (int[] Indices, IReadOnlyList<string>? Names) Classes(string path, List<string> labels, DataLimits limits)
    {
        if (labels.FindIndex(string.IsNullOrEmpty) is var empty and >= 0)
            throw new DataException($"'{path}' has no label for example {empty}.");
        var numbers = new long[labels.Count];
        for (var i = 0; i < numbers.Length; i++)
            if (!long.TryParse(labels[i], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out numbers[i]))
                return Named(labels);
        return (ArrayDataset.CheckLabels(path, numbers, limits), null);
    }

    private static (int[] Indices, IReadOnlyList<string> Names) Named(List<string> labels)
    {
        string[] names = [.. labels.Distinct().Order(StringComparer.Ordinal)];
        return ([.. labels.Select(label => Array.BinarySearch(names, label, StringComparer.Ordinal))], names);
    }

    private static bool TryParse(string cell, out float value) =>
        float.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && float.IsFinite(value);
}
