import type { Preferences } from '@/api/preferences';
import { isProviderName, type ProviderName } from '@/api/providers';

/** Row of the allowed models, while it is edited. */
export interface ModelRow {
  readonly id: string;
  readonly provider: ProviderName;
  readonly model: string;
}

/** Row of the tenant's own prices, while it is edited: US dollars per million tokens. */
export interface PriceRow extends ModelRow {
  readonly input: string;
  readonly output: string;
  readonly context: string;
}

type NamedModel = NonNullable<Preferences['allowedModels']>[number];

/** Return the model as a row. Return no row for an unknown provider, because the API would reject it. */
export function asModelRows({ provider, model }: NamedModel): ModelRow[] {
  return isProviderName(provider) ? [{ id: crypto.randomUUID(), provider, model }] : [];
}

export function newModelRow(): ModelRow {
  return { id: crypto.randomUUID(), provider: 'openai', model: '' };
}

export function asModels(rows: readonly ModelRow[]) {
  return rows.map(({ provider, model }) => ({ provider, model }));
}

/** Return the price as a row. Return no row for an unknown provider, because the API would reject it. */
export function asPriceRows(price: Preferences['prices'][number]): PriceRow[] {
  return asModelRows(price).map((row) => ({
    ...row,
    input: String(price.inputPerMillionUsd),
    output: String(price.outputPerMillionUsd),
    context: price.contextTokens === null ? '' : String(price.contextTokens),
  }));
}

export function newPriceRow(): PriceRow {
  return { ...newModelRow(), input: '', output: '', context: '' };
}

export function asPrices(rows: readonly PriceRow[]) {
  return rows.map(({ provider, model, input, output, context }) => ({
    provider,
    model,
    inputPerMillionUsd: Number(input),
    outputPerMillionUsd: Number(output),
    contextTokens: context === '' ? null : Number(context),
  }));
}
