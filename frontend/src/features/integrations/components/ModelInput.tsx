import { type ReactNode, useState } from 'react';
import { type Model, useModels } from '@/api/configs';
import type { ProviderName } from '@/api/providers';
import { Autocomplete } from '@/components/ui/Autocomplete';
import { Badge } from '@/components/ui/Badge';
import { useFormat } from '@/i18n/useFormat';
import { useProblemText } from '@/i18n/useProblemText';
import { useRequestIdText } from '@/i18n/useRequestIdText';
import { useTexts } from '@/i18n/useTexts';
import { integrationsTexts } from '../i18n/integrationsTexts';

const NAME_LENGTH_MAX = 120;

interface ModelInputProps {
  readonly provider: ProviderName;
  /** The provider lists its models only for a saved key. */
  readonly isConfigured: boolean;
  readonly value: string;
  readonly onChange: (model: string) => void;
  /** Name for screen readers, if the input is not in a Field. */
  readonly ariaLabel?: string;
  readonly placeholder?: string;
  readonly required?: boolean;
}

/** Input that suggests the models of the saved key, with context and prices. It accepts other models as well. */
export function ModelInput({ provider, isConfigured, onChange, ...input }: ModelInputProps) {
  const t = useTexts(integrationsTexts);
  const problemText = useProblemText();
  const requestId = useRequestIdText();
  const [isOpened, setOpened] = useState(false);
  const models = useModels(provider, isConfigured && isOpened);
  const detail = useModelDetail();
  const failure = models.isError
    ? `${problemText(models.error)} ${requestId(models.error) ?? ''}`
    : undefined;
  return (
    <Autocomplete
      {...input}
      onChange={(next) => onChange(next.trim())}
      onOpen={() => setOpened(true)}
      suggestions={(models.data ?? []).map((model) => ({ value: model.model, detail: detail(model) }))}
      status={models.isLoading ? t('model.loading') : failure}
      maxLength={NAME_LENGTH_MAX}
    />
  );
}

/** Return a function that describes a model's context size and prices. */
function useModelDetail(): (model: Model) => ReactNode {
  const t = useTexts(integrationsTexts);
  const format = useFormat();
  return (model) => {
    const { contextTokens, inputPerMillionUsd: input, outputPerMillionUsd: output } = model;
    return (
      <>
        <span>
          {input === null || output === null
            ? t('model.noPrice')
            : t('model.price', { input: format.usd(input), output: format.usd(output) })}
        </span>
        {contextTokens !== null && (
          <span>{t('model.context', { tokens: format.compact(contextTokens) })}</span>
        )}
        {model.ownPrice && <Badge>{t('model.ownPrice')}</Badge>}
        {!model.allowed && <Badge tone="warning">{t('model.notAllowed')}</Badge>}
      </>
    );
  };
}
