import type { Preferences } from '../../../api/preferences';
import { integrationsTexts } from '../../../i18n/integrations';
import { useTexts } from '../../../i18n/useTexts';
import { Input } from '../../ui/Input';
import styles from './Integrations.module.css';
import { asModelRows, ModelFields, type ModelRow, newModelRow, RemoveRow, RowGroup } from './ModelRows';

/** A price of the company's own, while it is being written: US dollars per million tokens. */
export interface PriceRow extends ModelRow {
  readonly input: string;
  readonly output: string;
  readonly context: string;
}

export function asPriceRows(price: Preferences['prices'][number]): PriceRow[] {
  return asModelRows(price).map((row) => ({
    ...row,
    input: String(price.inputPerMillionUsd),
    output: String(price.outputPerMillionUsd),
    context: price.contextTokens === null ? '' : String(price.contextTokens),
  }));
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

interface PriceRowsProps {
  readonly rows: readonly PriceRow[];
  readonly onChange: (rows: readonly PriceRow[]) => void;
  readonly error: string | undefined;
}

/** Prices of models that the price list does not know yet. */
export function PriceRows({ rows, onChange, error }: PriceRowsProps) {
  const t = useTexts(integrationsTexts);
  const change = (id: string, changed: Partial<PriceRow>) =>
    onChange(rows.map((row) => (row.id === id ? { ...row, ...changed } : row)));
  return (
    <RowGroup
      title={t('preferences.prices')}
      hint={t('preferences.pricesHint')}
      addLabel={t('preferences.addPrice')}
      onAdd={() => onChange([...rows, { ...newModelRow(), input: '', output: '', context: '' }])}
      error={error}
    >
      {rows.map((row, place) => (
        <div key={row.id} className={styles.entry}>
          <ModelFields row={row} place={place} onChange={(changed) => change(row.id, changed)} />
          {(['input', 'output', 'context'] as const).map((name) => (
            <Input
              key={name}
              type="number"
              min={name === 'context' ? 1 : 0}
              step={name === 'context' ? 1 : '0.000001'}
              required={name !== 'context'}
              aria-label={t(`preferences.rowNumbers.${name}`, { number: place + 1 })}
              placeholder={t(`preferences.placeholders.${name}`)}
              value={row[name]}
              onChange={(event) => change(row.id, { [name]: event.target.value })}
            />
          ))}
          <RemoveRow place={place} onRemove={() => onChange(rows.filter((one) => one.id !== row.id))} />
        </div>
      ))}
    </RowGroup>
  );
}
