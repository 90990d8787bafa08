import { type ReactNode, useState } from 'react';
import { type Model, useModels } from '../../../api/configs';
import { integrationsTexts } from '../../../i18n/integrations';
import { useFormat } from '../../../i18n/useFormat';
import { useProblemText } from '../../../i18n/useProblemText';
import { useRequestIdText } from '../../../i18n/useRequestIdText';
import { useTexts } from '../../../i18n/useTexts';
import type { ProviderName } from '../../../providers';
import { Autocomplete } from '../../ui/Autocomplete';
import { Badge } from '../../ui/Badge';

const NAME_LENGTH_MAX = 120;

interface ModelInputProps {
  readonly provider: ProviderName;
  /** Without a saved key nobody can be asked for models. */
  readonly isConfigured: boolean;
  readonly value: string;
  readonly onChange: (model: string) => void;
  /** For an input without a Field around it. */
  readonly ariaLabel?: string;
  readonly placeholder?: string;
  readonly required?: boolean;
}

/** The models that the saved key can use, with context and prices; a model that is not listed may be typed. */
export function ModelInput({ provider, isConfigured, onChange, ...input }: ModelInputProps) {
  const t = useTexts(integrationsTexts);
  const words = useProblemText();
  const requestId = useRequestIdText();
  const [isOpened, setOpened] = useState(false);
  const models = useModels(provider, isConfigured && isOpened);
  const detail = useModelDetail();
  const failure = models.isError ? `${words(models.error)} ${requestId(models.error) ?? ''}` : undefined;
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

/** Context size and prices in words; what is unknown is said to be. */
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
